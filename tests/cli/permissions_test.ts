import { assertEquals, assertStringIncludes } from "@std/assert";
import { type Program, startProgram } from "../helpers/program.ts";
import { startRedis, testWithRedis } from "../helpers/redis.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { freePort } from "../helpers/network.ts";

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

/** What is missing, and what the answer names. */
const MISSING: readonly (readonly [layer: string, permissions: readonly string[], flag: string])[] =
  [
    ["sqlite:x.sqlite3", ["--allow-read=."], "--allow-read=. --allow-write=."],
    ["sqlite:x.sqlite3", ["--allow-read=./app.ts"], "--allow-read=. --allow-write=."],
    ["sqlite:x.sqlite3", [], "--allow-read"],
    ["redis://127.0.0.1:1", ["--allow-read=."], "--allow-net=127.0.0.1:1"],
    ["redis://localhost:1", ["--allow-read=."], "--allow-net=localhost:1"],
    [
      "redis://localhost:1",
      ["--allow-read=.", "--allow-net=localhost:2"],
      "--allow-net=localhost:1",
    ],
    ["redis://localhost:1,localhost:2", ["--allow-read=."], "--allow-net=localhost:"],
    ["rediss://localhost:1", ["--allow-read=."], "--allow-net=localhost:1"],
    ["rediss://localhost:1?ca=/etc/hostname", ["--allow-read=."], "--allow-read=/etc/hostname"],
    ["unix:///tmp/none.sock", ["--allow-read=."], "--allow-read=/tmp/none.sock"],
    ["redis+sentinel://localhost:1/m", ["--allow-read=."], "--allow-net=localhost:1"],
    [
      "redis+sentinel://127.0.0.1:1,127.0.0.1:2/m",
      ["--allow-read=.", "--allow-net=127.0.0.1:1"],
      "--allow-net=127.0.0.1:2",
    ],
    ["redis+cluster://localhost:1", ["--allow-read=."], "--allow-net=localhost:1"],
  ];

for (const [layer, permissions, flag] of MISSING) {
  // A file that isn't there needs no permission to be checked: it isn't created.
  const isAbsent = layer.startsWith("sqlite:") && permissions.includes("--allow-read=.");
  const checks = isAbsent ? [] : [["check"]];
  for (const command of [["runworker", "a"], ["send", "a", '{"type":"x"}'], ...checks]) {
    const name = `${command[0]} on ${layer} with "${permissions.join(" ")}"`;
    Deno.test(`${name} exits with status 1, and names the missing flag`, async () => {
      await using folder = await openFolder();
      const args = [...command, "--layer", layer];
      await using program = startProgram(args, { cwd: folder.path, permissions });
      assertEquals(await program.end, 1, program.stderr.all.join("\n"));
      const [problem = "", ...rest] = program.stderr.all.filter((line) => !line.includes("Lost"));
      assertStringIncludes(problem, flag.replaceAll("=.", `=${folder.path}`));
      assertEquals(rest.filter((line) => !line.includes("Stopped: 0 received")), []);
    });
  }
}

/** What a server needs: `allowed` is enough to listen, for an app that uses no layer. */
const SERVERS: readonly (readonly [args: readonly string[], allowed: string])[] = [
  [[], "0.0.0.0"],
  [["--hostname", "127.0.0.1"], "127.0.0.1"],
];

for (const [args, host] of SERVERS) {
  Deno.test(`The documented permissions suffice for serve on ${host}`, async () => {
    await using folder = await openFolder();
    const port = freePort();
    const permissions = ["--allow-read=.", `--allow-net=${host}:${port}`];
    const command = ["serve", "--port", `${port}`, ...args];
    await using program = startProgram(command, { cwd: folder.path, permissions });
    await program.stderr.until("Listening on");
    const response = await fetch(`http://127.0.0.1:${port}/`);
    assertEquals([response.status, await response.text()], [500, "Internal Server Error\n"]);
    program.kill("SIGTERM");
    assertEquals(await program.end, 0);
  });

  Deno.test(`serve on ${host} without its permission exits with status 1, and names it`, async () => {
    await using folder = await openFolder();
    const port = freePort();
    const permissions = ["--allow-read=.", `--allow-net=${host}:1`];
    const command = ["serve", "--port", `${port}`, ...args];
    await using program = startProgram(command, { cwd: folder.path, permissions });
    assertEquals(await program.end, 1);
    const [problem = "", ...rest] = program.stderr.all;
    assertStringIncludes(problem, `run it again with --allow-net=${host}:${port}`);
    assertEquals(rest, []);
  });
}

Deno.test("The documented permissions suffice for serve with a worker", async () => {
  await using folder = await openFolder();
  const permissions = ["--allow-read=.", "--allow-write=.", "--allow-net=0.0.0.0"];
  const options = { cwd: folder.path, permissions };
  await using program = startProgram(["serve", "--port", "0", "--work", "a"], options);
  await program.stderr.until("Listening on a");
  await using sender = startProgram(["send", "a", '{"type":"hello"}'], options);
  assertEquals(await sender.end, 0);
  await program.stdout.until("hello");
  program.kill("SIGTERM");
  assertEquals(await program.end, 0, program.stderr.all.join("\n"));
});

Deno.test("An app that lacks a permission exits with status 1, and its flag is named", async () => {
  await using folder = await openFolder();
  await Deno.writeTextFile(`${folder.path}/app.ts`, "export default Deno.env.get('SECRET');");
  const permissions = ["--allow-read"];
  for (const threads of ["1", "2"]) {
    const args = ["runworker", "a", "--threads", threads];
    await using program = startProgram(args, { cwd: folder.path, permissions });
    assertEquals(await program.end, 1);
    const [problem = "", ...rest] = program.stderr.all;
    assertStringIncludes(problem, "run again with the --allow-env flag");
    assertEquals(rest.filter((line) => !line.includes("Stopped: 0 received")), []);
  }
});

Deno.test("The library reports a missing permission as a LayerConfigurationError", async () => {
  await using folder = await openFolder();
  const library = new URL("../../mod.ts", import.meta.url).href;
  await Deno.writeTextFile(
    `${folder.path}/app.ts`,
    `import { LayerConfigurationError, RedisChannelLayer, SqliteChannelLayer } from "${library}";
     for (const layer of [new RedisChannelLayer({ url: "redis://localhost:1" }), new SqliteChannelLayer()]) {
       const error = await layer.send("a", { type: "x" }).catch((error) => error);
       console.log(error instanceof LayerConfigurationError, error.message);
       await layer.close();
     }`,
  );
  await using program = startProgram(["runworker", "a"], {
    cwd: folder.path,
    permissions: ["--allow-read"],
  });
  await program.end;
  assertEquals(program.stdout.all, [
    "true Layer redis://localhost:1 cannot be used: Deno was not given the permission: " +
    "run it again with --allow-net=localhost:1; the message was not sent",
    `true Layer sqlite:${folder.path}/.channels.sqlite3 cannot be used: Deno was not given the ` +
    `permission: run it again with --allow-read=${folder.path} --allow-write=${folder.path}; ` +
    "the message was not sent",
  ]);
});
