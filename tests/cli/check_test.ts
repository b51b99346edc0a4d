import { assertEquals, assertMatch } from "@std/assert";
import { SqliteChannelLayer } from "@asgi/channels";
import { startProgram } from "../helpers/program.ts";
import { startRedis, testWithRedis } from "../helpers/redis_server.ts";
import { temporaryFolder } from "../helpers/temporary.ts";

Deno.test("check tells how a layer is, and how full the channels are", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/events.sqlite3`;
  await using layer = new SqliteChannelLayer({ path });
  await layer.send("letters", { type: "test.event" });
  await using program = startProgram(["check", "letters", "others", "--layer", `sqlite:${path}`]);
  assertEquals(await program.end, 0);
  const [server = "", works, letters = "", others, ...rest] = program.stdout.all;
  assertMatch(server, /^sqlite:.*: SQLite 3\.\d+\.\d+, answers in \d+\.\d\d ms$/);
  assertEquals(works, "works from here: send, receive, wait for events, use groups");
  assertMatch(letters, /^letters: 1 of at most 100 messages wait, the oldest for \d+\.\d s$/);
  assertEquals(others, "others: 0 of at most 100 messages wait");
  assertEquals(rest, []);
  assertEquals(program.stderr.all, []);
});

Deno.test("check --json prints the same as one object", async () => {
  await using folder = await temporaryFolder();
  const url = `sqlite:${folder.path}/events.sqlite3`;
  await using existing = new SqliteChannelLayer({ path: `${folder.path}/events.sqlite3` });
  await existing.flush();
  await using program = startProgram(["check", "letters", "--json", "--layer", url]);
  assertEquals(await program.end, 0);
  assertEquals(program.stdout.all.length, 1);
  const { layer, servers, channels, trials } = JSON.parse(program.stdout.all[0] ?? "");
  assertEquals([layer, servers.length, servers[0].name], [url, 1, url]);
  assertEquals(channels, [{ channel: "letters", depth: 0, capacity: 100 }]);
  const all = ["send", "receive", "wait for events", "use groups"];
  assertEquals(trials, all.map((what) => ({ what })));
});

Deno.test("check refuses the name of a channel that is not valid", async () => {
  await using program = startProgram(["check", "not valid", "--layer", "sqlite:x"]);
  assertEquals(await program.end, 2);
  assertEquals(program.stderr.all.length, 1);
});

Deno.test("check creates nothing where there is no SQLite file, says so, and fails", async () => {
  await using folder = await temporaryFolder();
  for (const args of [[], ["letters"], ["--json"], ["--layer", "sqlite:./other.sqlite3"]]) {
    await using program = startProgram(["check", ...args], { cwd: folder.path });
    assertEquals(await program.end, 1);
    assertEquals(program.stdout.all, []);
    assertEquals(program.stderr.all.length, 1, program.stderr.all.join("\n"));
    const file = args.includes("--layer") ? "other" : ".channels";
    assertMatch(
      program.stderr.all[0] ?? "",
      new RegExp(
        `^error: .*${file}.*: the file does not exist yet: a worker or a sender creates it`,
      ),
    );
    assertEquals(await Array.fromAsync(Deno.readDir(folder.path)), []);
  }
});

testWithRedis("check", () => {
  for (const rights of ["+@all", "+@all -info", "+@all -config"]) {
    Deno.test(`check warns about an eviction policy, and succeeds (${rights})`, async () => {
      await using redis = await startRedis(["--maxmemory-policy", "allkeys-lru"]);
      await redis.cli("ACL", "SETUSER", "bob", "on", ">secret", "~*", ...rights.split(" "));
      const url = redis.url.replace("unix://", "unix://bob:secret@");
      await using program = startProgram(["check", "--layer", url]);
      assertEquals(await program.end, 0);
      assertEquals(program.stderr.all.length, 1, program.stderr.all.join("\n"));
      assertMatch(
        program.stderr.all[0] ?? "",
        /^warning: .*\bevicts keys .*maxmemory-policy is allkeys-lru.*set it to noeviction$/,
      );
    });
  }

  Deno.test("check warns about no eviction policy that it may not see", async () => {
    await using redis = await startRedis(["--maxmemory-policy", "allkeys-lru"]);
    const rights = ["on", ">secret", "~*", "+@all", "-info", "-config"];
    await redis.cli("ACL", "SETUSER", "bob", ...rights);
    const url = redis.url.replace("unix://", "unix://bob:secret@");
    await using program = startProgram(["check", "--layer", url]);
    assertEquals([await program.end, program.stderr.all], [0, []]);
  });

  Deno.test("check says what a user of Redis may not do, and fails", async () => {
    await using redis = await startRedis();
    const rights = ["on", ">secret", "~*", "+@all", "-bzpopmin", "-info"];
    await redis.cli("ACL", "SETUSER", "bob", ...rights);
    const url = redis.url.replace("unix://", "unix://bob:secret@");
    await using program = startProgram(["check", "--layer", url]);
    assertEquals(await program.end, 1);
    const [server = "", works] = program.stdout.all;
    assertMatch(server, /: Redis of unknown version, answers/);
    assertEquals(works, "works from here: send, receive, use groups");
    assertEquals(program.stderr.all.length, 1);
    assertMatch(program.stderr.all[0] ?? "", /^error: it can't wait for events here: .*NOPERM/);
  });

  Deno.test("check fails in one line when nobody is there", async () => {
    await using program = startProgram(["check", "--layer", "redis://127.0.0.1:1"]);
    assertEquals(await program.end, 1);
    assertEquals(program.stdout.all, []);
    assertEquals(program.stderr.all.length, 1);
    assertMatch(program.stderr.all[0] ?? "", /^error: .*connection refused/);
  });

  Deno.test("check leaves nothing behind in Redis", async () => {
    await using redis = await startRedis();
    await using program = startProgram(["check", "letters", "--layer", redis.url]);
    assertEquals(await program.end, 0);
    assertEquals(await redis.cli("KEYS", "*"), "");
  });
});
