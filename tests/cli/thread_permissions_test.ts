import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { SqliteChannelLayer } from "@asgi/channels";
import { run, startProgram } from "../helpers/program.ts";
import { temporaryFolder } from "../helpers/temporary.ts";

const APP = new URL("../fixtures/threads/restricted_app.ts", import.meta.url).href;
const FLAG = "--unstable-worker-options";

Deno.test(`with ${FLAG}, a handler without permissions runs, and has no access`, async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/events.sqlite3`;
  await using layer = new SqliteChannelLayer({ path });
  await using worker = startProgram(
    ["runworker", "a", "--app", APP, "--layer", `sqlite:${path}`],
    { permissions: ["-A", FLAG] },
  );
  await worker.stderr.until("Listening on");
  const replyTo = layer.newChannel();
  const refused = { read: "NotCapable", net: "NotCapable", env: "NotCapable", run: "NotCapable" };
  // A thread without permissions that dies is noticed as well, and replaced.
  for (const death of ["exit", "burn", "look"]) {
    await layer.send("a", { type: "look", replyTo });
    const signal = AbortSignal.timeout(30_000);
    assertEquals(await layer.receive(replyTo, { signal }), { type: "looked", ...refused });
    await layer.send("a", { type: death, replyTo });
  }
  await layer.receive(replyTo);
  worker.kill("SIGTERM");
  assertEquals(await worker.end, 0, worker.stderr.all.join("\n"));
  const log = worker.stderr.all.join("\n");
  assertMatch(
    log,
    /type="exit" ThreadError: The thread of NarrowConsumer exited .*: its code ended the thread/,
  );
  assertMatch(
    log,
    /type="burn" ThreadError: The thread of NarrowConsumer exited while it handled an event of type "burn": time limit of 500 ms exceeded/,
  );
  assertStringIncludes(log, "6 received, 4 handled, 2 failed, 0 dropped");
});

Deno.test(`without ${FLAG}, threads with their own permissions are rejected`, async () => {
  await using folder = await temporaryFolder();
  await using worker = startProgram(["runworker", "a", "--app", APP], { cwd: folder.path });
  assertEquals(await worker.end, 70, "Deno's own exit code");
  assertStringIncludes(worker.stderr.all.join("\n"), `The \`${FLAG}\` flag must be provided`);
});

Deno.test("a handler without permissions that waits for the main thread can be terminated", async () => {
  const program = new URL("../fixtures/threads/stuck.ts", import.meta.url).pathname;
  const args = ["run", "-A", FLAG, program];
  assertEquals(await run(Deno.execPath(), args), "ThreadError 0", "no thread is left");
});
