import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { SqliteChannelLayer } from "@asgi/channels";
import { startProgram } from "../helpers/program.ts";
import { temporaryFolder } from "../helpers/temporary.ts";

const fixture = (name: string) => new URL(`../fixtures/threads/${name}`, import.meta.url).href;

const BROKEN = [
  [
    "hidden",
    /^error: HiddenConsumer cannot run on threads: its module file:.*broken_app\.ts does not export it; .*$/,
  ],
  ["throws", /its module cannot be loaded: RangeError: not today \(file:.*throws\.ts:2:7\)$/],
  ["leaves", /its module exited the thread: exit code 7$/],
  [
    "impostor",
    /the class of that name in its module file:.*others\.ts does not extend SyncConsumer$/,
  ],
] as const;

Deno.test("runworker rejects a consumer that can't run on threads in one line, with status 2", async () => {
  await using folder = await temporaryFolder();
  for (const [channel, message] of BROKEN) {
    for (const threads of channel === "throws" ? ["1", "2"] : ["1"]) {
      const args = ["--app", fixture("broken_app.ts"), "--threads", threads];
      await using worker = startProgram(["runworker", channel, ...args], { cwd: folder.path });
      assertEquals(await worker.end, 2);
      assertEquals(worker.stderr.all.length, 1, worker.stderr.all.join("\n"));
      assertMatch(worker.stderr.all[0] ?? "", message);
    }
  }
});

Deno.test("runworker runs a SyncConsumer, and logs its failures like those of an AsyncConsumer", async () => {
  await using folder = await temporaryFolder();
  await using layer = new SqliteChannelLayer({ path: `${folder.path}/events.sqlite3` });
  for (const threads of ["1", "2"]) {
    await layer.sendMany("a", [1, 2, 3].map((id) => ({ type: "record", id })));
    await layer.send("a", { type: "fail" });
    const url = `sqlite:${folder.path}/events.sqlite3`;
    const args = ["--app", fixture("sync_app.ts"), "--layer", url, "--threads", threads];
    await using worker = startProgram(["runworker", "a", "--burst", ...args]);
    assertEquals(await worker.end, 0, worker.stderr.all.join("\n"));
    assertEquals([...worker.stdout.all].sort(), ["1", "2", "3"]);
    const log = worker.stderr.all.join("\n");
    assertMatch(
      log,
      /Handler failed channel=a type="fail" Error: failed on purpose \| at PrintConsumer\.fail/,
    );
    assertStringIncludes(log, "4 received, 3 handled, 1 failed, 0 dropped");
  }
});

Deno.test("threads need no more permissions than a worker without threads", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(
    `${folder.path}/app.ts`,
    (await Deno.readTextFile(new URL(fixture("sync_app.ts")))).replace(
      "@asgi/channels",
      import.meta.resolve("../../mod.ts"),
    ),
  );
  // Here, the library is loaded from a folder, and not from a registry.
  const library = new URL("../..", import.meta.url).pathname;
  const permissions = [`--allow-read=.,${library}`, "--allow-write=."];
  const options = { cwd: folder.path, permissions };
  await using sender = startProgram(["send", "a", '{"type":"record","id":7}'], options);
  assertEquals(await sender.end, 0, sender.stderr.all.join("\n"));
  await using worker = startProgram(["runworker", "a", "--burst", "--threads", "2"], options);
  assertEquals([await worker.end, worker.stdout.all], [0, ["7"]], worker.stderr.all.join("\n"));
});
