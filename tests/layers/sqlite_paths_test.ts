import { assertEquals, assertLess, assertRejects, assertThrows } from "@std/assert";
import { LayerConfigurationError, SqliteChannelLayer } from "@asgi/channels";
import { temporaryFolder } from "../helpers/temporary.ts";
import { startScript } from "../helpers/program.ts";

const FIXTURES = new URL("../fixtures/layers/", import.meta.url).pathname;
const isWindows = Deno.build.os === "windows";

/** Runs a fixture in its own process. */
function start(fixture: string, ...args: readonly string[]) {
  return startScript(FIXTURES + fixture, args);
}

Deno.test("SqliteChannelLayer: a path that processes can't share is rejected", () => {
  for (const path of ["", "a\0b"]) {
    const create = () => new SqliteChannelLayer({ path });
    assertThrows(create, TypeError, "path must name a file that processes can share");
  }
  for (const path of [":memory:", "file::memory:", "FILE:x?mode=memory", "file:///tmp/x.sqlite3"]) {
    const create = () => new SqliteChannelLayer({ path });
    assertThrows(create, TypeError, "use MemoryChannelLayer for one process");
  }
});

Deno.test("SqliteChannelLayer: Deno.chdir() doesn't change a layer's path", async () => {
  await using folder = await temporaryFolder();
  const [one, other] = [`${folder.path}/one`, `${folder.path}/other`];
  for (const path of [one, other]) await Deno.mkdir(path);
  await using program = start("change_directory.ts", one, other);
  assertEquals(await program.end, 0, program.stderr.all.join("\n"));
  const name = `sqlite:${one}/channels.sqlite3`;
  assertEquals(program.stdout.all, [`${name} 1`, `${name} 2`]);
  assertEquals(await Array.fromAsync(Deno.readDir(other)), []);
});

Deno.test({
  name: "SqliteChannelLayer: only the owner can read the file and its journal",
  ignore: isWindows,
  fn: async () => {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/channels.sqlite3`;
    await using layer = new SqliteChannelLayer({ path });
    await layer.send("letters", { type: "test.event" });
    for (const file of [path, `${path}-wal`, `${path}-shm`]) {
      const { mode } = await Deno.stat(file);
      assertEquals((mode ?? 0) & 0o777, 0o600, file);
    }
  },
});

Deno.test({
  name: "SqliteChannelLayer: a file that was created with another mode keeps it",
  ignore: isWindows,
  fn: async () => {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/channels.sqlite3`;
    await Deno.writeTextFile(path, "");
    await Deno.chmod(path, 0o660);
    await using layer = new SqliteChannelLayer({ path });
    await layer.send("letters", { type: "test.event" });
    for (const file of [path, `${path}-wal`]) {
      assertEquals(((await Deno.stat(file)).mode ?? 0) & 0o777, 0o660, file);
    }
  },
});

/** How the same file can be named by a symbolic link. */
const LINKS: Readonly<Record<string, (folder: string) => Promise<string>>> = {
  async "a link to the file"(folder) {
    await Deno.writeTextFile(`${folder}/real/channels.sqlite3`, "");
    await Deno.symlink("real/channels.sqlite3", `${folder}/linked.sqlite3`);
    return `${folder}/linked.sqlite3`;
  },
  async "a link to a file that doesn't exist yet"(folder) {
    await Deno.symlink(`${folder}/real/channels.sqlite3`, `${folder}/between.sqlite3`);
    await Deno.symlink("between.sqlite3", `${folder}/linked.sqlite3`);
    return `${folder}/linked.sqlite3`;
  },
  async "a link to the folder"(folder) {
    await Deno.symlink(`${folder}/real`, `${folder}/linked`);
    return `${folder}/linked/channels.sqlite3`;
  },
};

for (const [what, link] of Object.entries(LINKS)) {
  Deno.test({
    name: `SqliteChannelLayer: receive() is woken by another process through ${what}`,
    ignore: isWindows,
    fn: async () => {
      await using folder = await temporaryFolder();
      await Deno.mkdir(`${folder.path}/real`);
      const path = await link(folder.path);
      await using layer = new SqliteChannelLayer({ path });
      await layer.send("pings", { type: "test.event", n: 0 });
      await using echo = start("echo.ts", `${folder.path}/real/channels.sqlite3`);
      await layer.receive("pongs");
      const from = performance.now();
      for (let n = 1; n <= 20; n++) {
        await layer.send("pings", { type: "test.event", n });
        assertEquals((await layer.receive("pongs"))["n"], n);
      }
      const duration = performance.now() - from;
      await layer.send("pings", { type: "test.event", n: -1 });
      assertEquals(await echo.end, 0, echo.stderr.all.join("\n"));
      // A process that isn't woken looks twice a second.
      assertLess(duration, 5_000);
    },
  });
}

Deno.test({
  name: "SqliteChannelLayer: a link to itself is a LayerConfigurationError",
  ignore: isWindows,
  fn: async () => {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/loop.sqlite3`;
    await Deno.symlink("loop.sqlite3", path);
    await using layer = new SqliteChannelLayer({ path });
    const send = () => layer.send("letters", { type: "test.event" });
    await assertRejects(send, LayerConfigurationError, "cannot open or create the file");
  },
});
