import { assertEquals, assertStringIncludes } from "@std/assert";
import { type Program, startProgram, watch } from "../helpers/program.ts";
import { startPeer, startSite, testWithPython } from "./python.ts";

const PAGE = await Deno.readTextFile(new URL("../../docs/django.md", import.meta.url));
const DENO = new URL("deno/", import.meta.url).pathname;

/** The blocks of the page that follow the name of a file, with that name. */
function namedBlocks(): { readonly file: string; readonly block: string }[] {
  const pattern = /`([\w/]+\.(?:py|ts))`:\n\n```\w+[^\n]*\n(.*?)```/gs;
  return Array.from(PAGE.matchAll(pattern), ([, file = "", block = ""]) => ({ file, block }));
}

/** The commands on the page, each as its words. */
function commands(): string[][] {
  const blocks = Array.from(PAGE.matchAll(/```sh\n(.*?)```/gs), ([, block = ""]) => block.trim());
  return blocks.join("\n").split("\n").map((line) =>
    Array.from(line.matchAll(/'([^']*)'|"([^"]*)"|\S+/g), ([word, one, two]) => one ?? two ?? word)
  );
}

Deno.test("docs/django.md shows parts of files that the tests run", async () => {
  const blocks = namedBlocks();
  assertEquals(blocks.length, PAGE.match(/```(?:python|ts)/g)?.length);
  for (const { file, block } of blocks) {
    const folder = file.endsWith(".py") ? "site/" : "deno/";
    const text = await Deno.readTextFile(new URL(folder + file, import.meta.url));
    assertStringIncludes(text, block, file);
  }
});

testWithPython("docs/django.md's commands do what it says", async (_t, redis) => {
  const env = { REDIS_URL: redis.url };
  await using stack = new AsyncDisposableStack();

  /** Runs a command of the page, with this repository for the published package. */
  function start(words: readonly string[]): Program {
    const args = words.map((word) => word.replace("$REDIS_URL", redis.url));
    if (args[0] === "python3") return stack.use(startSite(redis, args.slice(2), {}));
    if (args[3] === "jsr:@asgi/channels/cli") {
      return stack.use(startProgram(args.slice(4), { cwd: DENO, env }));
    }
    assertEquals(args[0], "deno");
    const command = new Deno.Command(Deno.execPath(), {
      args: args.slice(1),
      cwd: DENO,
      env,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    });
    return stack.use(watch(command.spawn()));
  }

  const [denoWorker, djangoWorker, sender, shell, ...others] = commands();
  assertEquals(others, []);
  await start(denoWorker!).stderr.until("Listening on thumbnails-generate");
  const django = start(djangoWorker!);
  const peer = stack.use(startPeer(redis));
  assertEquals(await peer.call({}, "get", "/photos/7/"), 202);
  await django.stdout.until("Thumbnail of photo 7 is ready");
  const programs = [start(sender!), start(shell!)];
  for (const { end, stderr } of programs) assertEquals(await end, 0, stderr.all.join("\n"));
  await django.stdout.until("Thumbnail of photo 8 is ready");
  await django.stdout.until("Thumbnail of photo 9 is ready");
});
