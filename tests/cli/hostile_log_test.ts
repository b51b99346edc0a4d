import { assert, assertEquals, assertLess, assertMatch, assertStringIncludes } from "@std/assert";
import { NoHandlerError, NoRouteError, SqliteChannelLayer } from "@asgi/channels";
import { type CommandLogEntry, openLog } from "../../src/cli/log.ts";
import { startProgram } from "../helpers/program.ts";
import { temporaryFolder } from "../helpers/temporary.ts";

/** Clears the screen, sets the title, forges a line, reverses the text, and ends in a surrogate. */
const HOSTILE = "\x1b[2J\x1b]0;owned\x07\r\n2026-01-01T00:00:00.000Z info  All is well" +
  "\0\x08\x7f\x9b31m\u2028\u2029\u202a\u202e\u2066\u2069\u200e\u200f\u061c\ud800";

// deno-lint-ignore no-control-regex
const UNPRINTABLE = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|\p{Cs}/u;

/** About so long may a line be. */
const LONGEST = 17_000;

/** What a log writes of some entries. */
function written(format: string, entries: readonly CommandLogEntry[]): string[] {
  const lines: string[] = [];
  using log = openLog({ format, hidden: [] }, (line) => lines.push(line));
  entries.forEach(log.log);
  return lines;
}

function circular(): Error {
  const error = new Error("round");
  error.cause = error;
  return error;
}

/** Something that throws when it is read. */
const unreadable = new Proxy(new Error(), {
  get: () => {
    throw new Error("not to be read");
  },
});

const long = HOSTILE.repeat(20_000);

const ENTRIES: readonly CommandLogEntry[] = [
  { level: "warn", message: HOSTILE },
  { level: "warn", message: long },
  { level: "error", message: "Handler failed", channel: long, type: long, error: new Error(long) },
  { level: "error", message: "Handler failed", error: new Error("a", { cause: new Error(long) }) },
  { level: "error", message: "Handler failed", error: long },
  {
    level: "error",
    message: "Handler failed",
    error: { [HOSTILE]: long, list: Array(1e5).fill(long) },
  },
  { level: "error", message: "Handler failed", error: Object.assign(new Error(), { stack: long }) },
  { level: "error", message: "Handler failed", error: Object.assign(new Error(), { stack: 5 }) },
  { level: "error", message: "Handler failed", error: circular() },
  { level: "error", message: "Handler failed", error: unreadable },
  { level: "error", message: "Handler failed", error: Symbol(HOSTILE) },
  { level: "error", message: "Handler failed", error: undefined },
  {
    level: "debug",
    message: "Responded",
    method: HOSTILE,
    path: HOSTILE,
    status: 200,
    duration: 1,
  },
  { level: "error", message: "The application failed", method: long, path: long, error: long },
];

for (const format of ["text", "json"]) {
  Deno.test(`a log in ${format} has one short printable line for each entry, whatever its values`, () => {
    const lines = written(format, ENTRIES);
    assertEquals(lines.length, ENTRIES.length);
    for (const line of lines) {
      assert(!UNPRINTABLE.test(line), JSON.stringify(line.slice(0, 300)));
      assertLess(line.length, LONGEST);
      if (format === "json") assertEquals(typeof JSON.parse(line).message, "string");
    }
  });
}

Deno.test("a log in JSON contains texts unchanged, and says how much it has left out", () => {
  const [whole, cut] = written("json", ENTRIES).map((line) => JSON.parse(line));
  assertEquals(whole?.message, HOSTILE);
  assertMatch(cut?.message, /\.\.\. \(\d+ more characters\)$/);
});

Deno.test("a log in text keeps the stack of an error whose message is long", () => {
  const [line = ""] = written("text", [{
    level: "error",
    message: "x",
    error: new Error("y\nz".repeat(3e5)),
  }]);
  assertMatch(line, /\.\.\. \(\d+ more characters\) \| at .*hostile_log_test\.ts/);
});

Deno.test("a log takes linear time for long values", () => {
  const start = performance.now();
  for (const text of [" ", "\n", "a", "-", "\ud800", "\x1b", "\t "]) {
    const error = new Error(text.repeat(2e6));
    written("text", [{ level: "error", message: text.repeat(2e6), type: text.repeat(2e6), error }]);
  }
  assertLess(performance.now() - start, 10_000);
});

Deno.test("errors quote received values in short printable form", () => {
  const known = Array.from({ length: 10_000 }, (_, index) => `${HOSTILE}${index}`);
  for (const asked of [HOSTILE, long]) {
    for (
      const error of [
        new NoRouteError({ what: "channel", requested: asked, known }),
        new NoHandlerError({ consumer: "A", type: asked, known }),
      ]
    ) {
      assert(!UNPRINTABLE.test(error.message));
      assertLess(error.message.length, 3_000);
    }
    assertEquals(new NoHandlerError({ consumer: "A", type: asked, known }).type, asked);
  }
  const { message } = new NoRouteError({
    what: "channel",
    requested: 'a"b',
    known: ["letters", "mail.out"],
  });
  assertEquals(message, 'No application for channel "a\\"b": known are letters, mail.out');
});

const APP = `
export const application = async (_scope, receive) => {
  const event = await receive();
  if (event.type === "throw") throw event.text;
  throw new Error(event.text);
};`;

for (const format of ["text", "json"]) {
  Deno.test(`runworker logs values of events as printable text, in ${format}`, async () => {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/events.sqlite3`;
    await Deno.writeTextFile(`${folder.path}/app.ts`, APP);
    const text = HOSTILE.slice(0, -1);
    const bodies = [text, text.repeat(4_000)];
    {
      await using layer = new SqliteChannelLayer({ path });
      for (const text of bodies) {
        const types = ["throw", "fail", text];
        await layer.sendMany("a", types.map((type) => ({ type, text })));
      }
    }
    const options = ["--burst", "--log-format", format, "--layer", `sqlite:${path}`];
    await using worker = startProgram([
      "runworker",
      "a",
      "--app",
      `${folder.path}/app.ts`,
      ...options,
    ]);
    await worker.end;
    const lines = worker.stderr.all;
    assertStringIncludes(lines.at(-1) ?? "", "Stopped: 6 received, 0 handled, 6 failed");
    for (const line of lines) {
      assertMatch(line, format === "json" ? /^\{"time":"20/ : /^20\S+Z (info |warn |error)/);
      assert(!UNPRINTABLE.test(line) && !line.startsWith("2026-01-01"), JSON.stringify(line));
      assertLess(line.length, LONGEST);
    }
    assertLess(lines.length, 12);
  });
}

Deno.test("send and check report errors in printable text", async () => {
  await using folder = await temporaryFolder();
  const layer = ["--layer", `sqlite:${folder.path}/events.sqlite3`];
  const [nameless, hostile] = ["{}", `{"x":"${HOSTILE.replaceAll("\0", "").repeat(100)}"`];
  const commands = [["send", "a", hostile], ["send", "a", nameless], ["check", "a\x1b[2Jb"]];
  for (const command of commands) {
    await using program = startProgram([...command, ...layer]);
    assertEquals(await program.end, 2);
    assertEquals(program.stderr.all.length, 1, program.stderr.all.join("\n"));
    const [line = ""] = program.stderr.all;
    assert(line.startsWith("error: ") && !UNPRINTABLE.test(line), JSON.stringify(line));
    assertLess(line.length, 2_000);
  }
});
