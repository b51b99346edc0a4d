import { assertEquals } from "@std/assert";
import { type Program, startProgram, watch } from "../helpers/program.ts";
import type { RedisServer } from "../helpers/redis.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { testWithPython } from "./python.ts";
import { freePort } from "../helpers/network.ts";

const PAGE = await Deno.readTextFile(new URL("../../docs/django.md", import.meta.url));
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;

/** A file of the page: its block is appended to what Django generated, or is all of the file. */
interface NamedBlock {
  readonly isAppended: boolean;
  readonly file: string;
  readonly block: string;
}

function namedBlocks(): NamedBlock[] {
  const pattern = /(Append to )?`([\w/]+\.(?:py|ts))`:\n\n```\w+[^\n]*\n(.*?)```/gs;
  return Array.from(PAGE.matchAll(pattern), ([, append, file = "", block = ""]) => {
    return { isAppended: append !== undefined, file, block };
  });
}

/** Returns the line of the page's commands that starts with some words, without its comment. */
function command(start: string): string {
  const blocks = Array.from(PAGE.matchAll(/```sh\n(.*?)```/gs), ([, block = ""]) => block);
  const line = blocks.join("\n").split("\n").find((line) => line.startsWith(start));
  if (line === undefined) throw new Error(`docs/django.md has no command ${start}`);
  return line.replace(/ +#.*$/, "");
}

/** An empty folder in which the page is followed. */
class Reader {
  readonly #folder: string;
  readonly #redis: RedisServer;

  constructor(folder: string, redis: RedisServer) {
    this.#folder = folder;
    this.#redis = redis;
  }

  /** Creates the site and writes every file, with the first or the last block of a name. */
  async write(settings: "first" | "last"): Promise<void> {
    for (const start of ["django-admin", "python3 manage.py startapp"]) {
      await using program = this.start(command(start));
      assertEquals(await program.end, 0, program.stderr.all.join("\n"));
    }
    const blocks = namedBlocks();
    const inOrder = settings === "first" ? blocks.toReversed() : blocks;
    const chosen = new Map(inOrder.map((named) => [named.file, named]));
    for (const { file, block, isAppended } of chosen.values()) {
      await Deno.writeTextFile(`${this.#folder}/${file}`, block, { append: isAppended });
    }
  }

  /** Replaces words in a file, as a reader is told to. */
  async edit(file: string, from: string, to: string): Promise<void> {
    const path = `${this.#folder}/${file}`;
    await Deno.writeTextFile(path, (await Deno.readTextFile(path)).replace(from, to));
  }

  /** Starts a command of the page, with this repository in place of the published package. */
  start(line: string): Program {
    const words = Array.from(
      line.matchAll(/'([^']*)'|"([^"]*)"|\S+/g),
      ([word, one, two]) => one ?? two ?? word,
    ).map((word) => word.replace("redis://127.0.0.1:6379", this.#redis.url));
    const options = { cwd: this.#folder, env: this.#environment };
    if (words[3] === "jsr:@asgi/channels/cli") return startProgram(words.slice(4), options);
    const [program = "", ...args] = this.#installed(words);
    const process = new Deno.Command(program, {
      ...options,
      args,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    });
    return watch(process.spawn());
  }

  get #environment(): Record<string, string> {
    return { REDIS_URL: this.#redis.url, PYTHONDONTWRITEBYTECODE: "1" };
  }

  /** Finds what the reader has installed on this machine. */
  #installed([program = "", ...args]: readonly string[]): string[] {
    if (program === "deno") return [Deno.execPath(), "run", "--config", CONFIG, ...args.slice(1)];
    if (program === "python3") return ["/usr/bin/python3", ...args];
    return ["/usr/bin/python3", "-m", program.replace("django-admin", "django"), ...args];
  }
}

/** Requests the page's URL from Django's development server as soon as it answers. */
async function request(port: number): Promise<number> {
  const url = command("curl").split(" ")[1]!.replace("8000", `${port}`);
  for (;;) {
    try {
      const response = await fetch(url);
      await response.body?.cancel();
      return response.status;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

testWithPython("docs/django.md works from an empty directory", async (_t, redis) => {
  await using stack = new AsyncDisposableStack();
  const reader = new Reader(stack.use(await temporaryFolder()).path, redis);
  await reader.write("first");
  const start = (line: string) => stack.use(reader.start(line));
  const port = freePort();
  const worker = start(command("deno run -A jsr:@asgi/channels/cli runworker"));
  await worker.stderr.until("Listening on thumbnails-generate");
  const django = start(command("python3 manage.py runworker"));
  start(`${command("python3 manage.py runserver").replace("8000", `${port}`)} --noreload`);
  assertEquals(await request(port), 202);
  await django.stdout.until("Thumbnail of photo 7 is ready");
  const programs = ["deno run -A send.ts", "deno run -A jsr:@asgi/channels/cli send"].map(command);
  for (const { end, stderr } of programs.map(start)) {
    assertEquals(await end, 0, stderr.all.join("\n"));
  }
  await django.stdout.until("Thumbnail of photo 8 is ready");
  await django.stdout.until("Thumbnail of photo 9 is ready");
});

testWithPython("docs/django.md's second layer works beside Pub/Sub", async (_t, redis) => {
  await using stack = new AsyncDisposableStack();
  const reader = new Reader(stack.use(await temporaryFolder()).path, redis);
  await reader.write("last");
  await reader.edit("photos/views.py", "get_channel_layer()", 'get_channel_layer("workers")');
  const start = (line: string) => stack.use(reader.start(line));
  const port = freePort();
  const worker = start(command("deno run -A jsr:@asgi/channels/cli runworker"));
  await worker.stderr.until("Listening on thumbnails-generate");
  const django = start(command("python3 manage.py runworker photos --layer"));
  start(`${command("python3 manage.py runserver").replace("8000", `${port}`)} --noreload`);
  assertEquals(await request(port), 202);
  await django.stdout.until("Thumbnail of photo 7 is ready");
});
