import { assertEquals, assertMatch } from "@std/assert";
import { SqliteChannelLayer } from "@asgi/channels";
import { startProgram } from "../helpers/program.ts";
import { startRedis, testWithRedis } from "../helpers/redis.ts";
import { temporaryFolder } from "../helpers/temporary.ts";

Deno.test("check prints the state of the layer, and the depth of each channel", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/events.sqlite3`;
  await using layer = new SqliteChannelLayer({ path });
  await layer.send("letters", { type: "test.event" });
  await using program = startProgram(["check", "letters", "others", "--layer", `sqlite:${path}`]);
  assertEquals(await program.end, 0);
  const [server = "", works, letters = "", others, ...rest] = program.stdout.all;
  assertMatch(server, /^sqlite:.*: SQLite 3\.\d+\.\d+, latency \d+\.\d\d ms$/);
  assertEquals(works, "works: send, receive, wait for events, use groups");
  assertMatch(letters, /^letters: 1 of 100 messages waiting, oldest \d+\.\d s$/);
  assertEquals(others, "others: 0 of 100 messages waiting");
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

Deno.test("check rejects an invalid channel name", async () => {
  await using program = startProgram(["check", "not valid", "--layer", "sqlite:x"]);
  assertEquals(await program.end, 2);
  assertEquals(program.stderr.all.length, 1);
});

Deno.test("check fails if the SQLite file doesn't exist, and doesn't create it", async () => {
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

  Deno.test("check doesn't warn about an eviction policy that it may not read", async () => {
    await using redis = await startRedis(["--maxmemory-policy", "allkeys-lru"]);
    const rights = ["on", ">secret", "~*", "+@all", "-info", "-config"];
    await redis.cli("ACL", "SETUSER", "bob", ...rights);
    const url = redis.url.replace("unix://", "unix://bob:secret@");
    await using program = startProgram(["check", "--layer", url]);
    assertEquals([await program.end, program.stderr.all], [0, []]);
  });

  Deno.test("check names the rights that a Redis user lacks, and fails", async () => {
    await using redis = await startRedis();
    const rights = ["on", ">secret", "~*", "+@all", "-bzpopmin", "-info"];
    await redis.cli("ACL", "SETUSER", "bob", ...rights);
    const url = redis.url.replace("unix://", "unix://bob:secret@");
    await using program = startProgram(["check", "--layer", url]);
    assertEquals(await program.end, 1);
    const [server = "", works] = program.stdout.all;
    assertMatch(server, /: Redis of unknown version, latency/);
    assertEquals(works, "works: send, receive, use groups");
    assertEquals(program.stderr.all.length, 1);
    assertMatch(program.stderr.all[0] ?? "", /^error: cannot wait for events: .*NOPERM/);
  });

  Deno.test("check fails with one line when no server listens", async () => {
    await using program = startProgram(["check", "--layer", "redis://127.0.0.1:1"]);
    assertEquals(await program.end, 1);
    assertEquals(program.stdout.all, []);
    assertEquals(program.stderr.all.length, 1);
    assertMatch(program.stderr.all[0] ?? "", /^error: .*connection refused/);
  });

  Deno.test("check leaves no keys in Redis", async () => {
    await using redis = await startRedis();
    await using program = startProgram(["check", "letters", "--layer", redis.url]);
    assertEquals(await program.end, 0);
    assertEquals(await redis.cli("KEYS", "*"), "");
  });
});
