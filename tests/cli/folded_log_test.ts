import { assert, assertEquals, assertLess, assertMatch, assertStringIncludes } from "@std/assert";
import { type LogEntry, SqliteChannelLayer } from "@asgi/channels";
import { FoldedLog } from "../../src/cli/log.ts";
import { FIXTURE_APP, startProgram } from "../helpers/program.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { Tally } from "../helpers/events.ts";

/** Logs entries, flushes the log, and returns the written lines. */
function written(entries: Iterable<LogEntry>): { entry: LogEntry; more: number }[] {
  const lines: { entry: LogEntry; more: number }[] = [];
  using log = new FoldedLog((entry, more) => lines.push({ entry, more }));
  for (const entry of entries) log.add(entry);
  log.flush();
  return lines;
}

function failure(error: unknown, channel = "a"): LogEntry {
  return { level: "error", message: "Handler failed", channel, type: "work", error };
}

Deno.test("a log folds 100,000 failures that differ in a number into two lines, and is fast", () => {
  const start = performance.now();
  const lines = written((function* () {
    for (let n = 0; n < 100_000; n++) yield failure(new Error(`No picture ${n} at 0x${n}ef`));
  })());
  assertEquals(lines.map(({ more }) => more), [0, 99_999]);
  assertStringIncludes(String(lines[1]?.entry.error), "No picture 99999");
  assertLess(performance.now() - start, 10_000);
});

Deno.test("a log keeps apart what differs in level, message, channel, type or error", () => {
  const entries: LogEntry[] = [
    failure(new Error("one")),
    failure(new Error("other")),
    failure(new RangeError("one")),
    failure(new Error("one"), "b"),
    failure("one"),
    failure(undefined),
    failure({ one: 1 }),
    { ...failure(new Error("one")), type: "play" },
    { ...failure(new Error("one")), message: "Application failed" },
    { ...failure(new Error("one")), level: "warn" },
  ];
  const twice = written([...entries, ...entries]);
  assertEquals(twice.slice(0, entries.length).map(({ entry }) => entry), entries);
  assertEquals(twice.slice(entries.length).map(({ more }) => more), entries.map(() => 1));
});

Deno.test("a log stays short if every event has another type", () => {
  const lines = written((function* () {
    for (let n = 0; n < 20_000; n++) {
      // Without digits: so each is a different kind.
      const type = n.toString(2).replaceAll("0", "x").replaceAll("1", "y");
      const message = `Dropped an event: no handler for ${type}`;
      yield { level: "warn", message, channel: "a", type };
    }
  })());
  assertLess(lines.length, 300);
  assertEquals(lines.reduce((sum, { more }) => sum + more + (more === 0 ? 1 : 0), 0), 20_000);
});

Deno.test("a log doesn't fold debug lines", () => {
  const entry: LogEntry = { level: "debug", message: "Fetched 5 events", channel: "a" };
  assertEquals(written([entry, entry, entry]).length, 3);
});

Deno.test("a log reports the count of each window, and forgets a kind without new entries", async () => {
  const lines = new Tally<number>();
  using log = new FoldedLog((_entry, more) => lines.add(more), 20);
  const other = new Tally<number>();
  const add = (message: string) => log.add({ level: "warn", message });
  for (let n = 0; n < 3; n++) add("Odd");
  await lines.reach(2);
  for (let n = 0; n < 4; n++) add("Odd");
  await lines.reach(3);
  assertEquals(lines.items, [0, 2, 4]);
  // Two windows of another log begin and end after those of this one, which hears nothing.
  using clock = new FoldedLog((_entry, more) => other.add(more), 20);
  for (let window = 1; window <= 3; window++) {
    clock.add({ level: "warn", message: "tick" });
    clock.add({ level: "warn", message: "tick" });
    await other.reach(window + 1);
  }
  add("Odd");
  assertEquals(lines.items, [0, 2, 4, 0]);
});

Deno.test("a flushed log starts anew", () => {
  const lines: number[] = [];
  using log = new FoldedLog((_entry, more) => lines.push(more));
  const entry: LogEntry = { level: "warn", message: "Odd" };
  for (let time = 0; time < 2; time++) {
    for (let n = 0; n < 3; n++) log.add(entry);
    log.flush();
  }
  assertEquals(lines, [0, 2, 0, 2]);
});

Deno.test("runworker folds the log of 20,000 failing events into fewer than 8 lines", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/events.sqlite3`;
  {
    await using layer = new SqliteChannelLayer({ path, capacity: 20_000 });
    await layer.sendMany("a", Array.from({ length: 20_000 }, () => ({ type: "fail" })));
  }
  const args = ["runworker", "a", "--burst", "--app", FIXTURE_APP, "--layer", `sqlite:${path}`];
  await using worker = startProgram(args);
  assertEquals(await worker.end, 0);
  const lines = worker.stderr.all;
  assertLess(lines.length, 8, lines.join("\n"));
  assertMatch(
    lines.at(-1) ?? "",
    /Stopped: 20000 received, 0 handled, 20000 failed, 0 dropped$/,
  );
  const counted = lines.filter((line) => line.includes(" more) channel=a"));
  assert(counted.length > 0, lines.join("\n"));
  const sum = counted.reduce((sum, line) => sum + Number(/\((\d+) more\)/.exec(line)?.[1]), 0);
  assertEquals(sum, 19_999);
  for (const line of counted) assertStringIncludes(line, "Error: failed on purpose | at ");
});
