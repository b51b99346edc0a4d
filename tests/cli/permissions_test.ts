import { assertEquals, assertStringIncludes } from "@std/assert";
import { type Program, startProgram } from "../helpers/program.ts";
import { startRedis, testWithRedis } from "../helpers/redis_server.ts";
import { temporaryFolder } from "../helpers/temporary.ts";

/** A folder with an app that prints one event, as a user would have it. */
async function openFolder() {
  const folder = await temporaryFolder();
  await Deno.writeTextFile(
    `${folder.path}/app.ts`,
    "export default async (_scope, receive) => console.log((await receive()).type);",
  );
  return folder;
}

/** Sends an event, and handles it, with some permissions only. */
async function sendAndRun(cwd: string, permissions: string[], layer: string[]): Promise<Program> {
  await using sender = startProgram(["send", "a", '{"type":"hello"}', ...layer], {
    cwd,
    permissions,
  });
  assertEquals(await sender.end, 0, sender.stderr.all.join("\n"));
  const worker = startProgram(["runworker", "a", "--burst", ...layer], { cwd, permissions });
  await worker.end;
  return worker;
}

Deno.test("The documented permissions suffice for SQLite", async () => {
  await using folder = await openFolder();
  const permissions = ["--allow-read=.", "--allow-write=."];
  await using worker = await sendAndRun(folder.path, permissions, []);
  assertEquals([await worker.end, worker.stdout.all], [0, ["hello"]], worker.stderr.all.join("\n"));
});

testWithRedis("The documented permissions", () => {
  Deno.test("The documented permissions suffice for Redis", async () => {
    await using folder = await openFolder();
    const port = freePort();
    await using _redis = await startRedis(["--port", `${port}`]);
    const layer = `redis://127.0.0.1:${port}`;
    const permissions = ["--allow-read=.", `--allow-net=127.0.0.1:${port}`];
    await using worker = await sendAndRun(folder.path, permissions, ["--layer", layer]);
    assertEquals(
      [await worker.end, worker.stdout.all],
      [0, ["hello"]],
      worker.stderr.all.join("\n"),
    );
  });
});

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

Deno.test("A missing permission is named in one line, with the flag that gives it", async () => {
  await using folder = await openFolder();
  const permissions = ["--allow-read=."];
  await using worker = startProgram(["runworker", "a"], { cwd: folder.path, permissions });
  assertEquals(await worker.end, 2);
  assertEquals(worker.stderr.all.length, 1, worker.stderr.all.join("\n"));
  assertStringIncludes(worker.stderr.all[0] ?? "", "run again with the --allow-write flag");
});
