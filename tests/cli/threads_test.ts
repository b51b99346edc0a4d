import {
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertLess,
  assertLessOrEqual,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { type ChannelLayer, RedisChannelLayer } from "@asgi/channels";
import { type Program, signalUntilExit, startProgram } from "../helpers/program.ts";
import { startRedis, testWithRedis } from "../helpers/redis.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { range, remaining, withIds } from "../helpers/events.ts";
import { openSqliteLayer } from "../helpers/layers.ts";

const APP = new URL("../fixtures/threads/thread_group_app.ts", import.meta.url).href;

/** Opens a SQLite layer, with a way to start workers on it. */
async function openFolder() {
  const opened = await openSqliteLayer({ capacity: 100_000 });
  return { ...opened, start: (...args: string[]) => start(opened.url, ...args) };
}

function start(url: string, ...args: string[]): Program {
  return startProgram(["runworker", "a", "--app", APP, "--layer", url, ...args]);
}

/** The threads that have resultsOf, and the ids, ascending. */
function resultsOf({ stdout }: Program): { threads: number; ids: number[] } {
  const lines = stdout.all.filter((line) => !line.startsWith("begun"))
    .map((line) => line.split(" "));
  return {
    threads: new Set(lines.map(([thread]) => thread)).size,
    ids: lines.map(([, id]) => Number(id)).sort((one, other) => one - other),
  };
}

/** Lets a worker with threads handle events, and checks that each is handled once. */
async function checkThreads(layer: ChannelLayer, url: string): Promise<void> {
  await using worker = start(url, "--threads", "3");
  await worker.stderr.until("Listening on");
  await layer.sendMany("a", withIds(300, { type: "work", burn: 1 }));
  await worker.stdout.count(300);
  worker.kill("SIGTERM");
  assertEquals(await worker.end, 0, worker.stderr.all.join("\n"));
  const { threads, ids: handled } = resultsOf(worker);
  assertEquals(handled, range(300));
  assertGreater(threads, 1);
  const log = worker.stderr.all;
  assertMatch(log[0] ?? "", /Listening on a \(layer .*, app .*thread_group_app\.ts, 3 threads\)/);
  assertEquals(log.filter((line) => line.includes("Listening")).length, 1);
  assertEquals(log.filter((line) => line.includes("Stopping")).length, 1);
  assertMatch(log.at(-1) ?? "", /Stopped: 300 received, 300 handled, 0 failed, 0 dropped/);
}

Deno.test("runworker --threads handles each event once, on SQLite", async () => {
  await using opened = await openFolder();
  await checkThreads(opened.layer, opened.url);
});

testWithRedis("runworker --threads", () => {
  Deno.test("runworker --threads handles each event once, on Redis", async () => {
    await using redis = await startRedis();
    await using layer = new RedisChannelLayer({ url: redis.url, capacity: 1000 });
    await checkThreads(layer, redis.url);
  });
});

Deno.test("runworker --threads logs the thread of each line", async () => {
  await using opened = await openFolder();
  await opened.layer.sendMany("a", withIds(4, { type: "fail" }));
  await using text = opened.start("--threads", "2", "--burst");
  assertEquals(await text.end, 0);
  const failed = text.stderr.all.filter((line) => line.includes("Handler failed"));
  assertGreater(failed.length, 0);
  for (const line of failed) {
    assertMatch(line, /error thread [12]: Handler failed( \(\d more\))? channel=a/);
  }
  assertStringIncludes(text.stderr.all.at(-1) ?? "", "4 received, 0 handled, 4 failed");

  await opened.layer.send("a", { type: "fail" });
  await using json = opened.start("--threads", "2", "--burst", "--log-format", "json");
  assertEquals(await json.end, 0);
  const entries = json.stderr.all.map((line) => JSON.parse(line));
  const failure = entries.find(({ message }) => message === "Handler failed");
  assertEquals([1, 2].includes(failure.thread), true);
  assertEquals(entries.at(-1).thread, undefined);
});

Deno.test("runworker --threads warns once of a channel that the app doesn't know", async () => {
  await using opened = await openFolder();
  const app = new URL("../../examples/thumbnails/app.ts", import.meta.url).href;
  const args = ["runworker", "thumbnials", "--app", app, "--threads", "3", "--burst"];
  await using worker = startProgram(args, { cwd: opened.folder });
  assertEquals(await worker.end, 0);
  const warnings = worker.stderr.all.filter((line) => line.includes("no route for channel"));
  assertEquals(warnings.length, 1, worker.stderr.all.join("\n"));
});

Deno.test("runworker --threads --burst exits when all events are handled", async () => {
  await using opened = await openFolder();
  await opened.layer.sendMany("a", withIds(100, { type: "work", burn: 2 }));
  await using worker = opened.start("--threads", "2", "--burst");
  assertEquals(await worker.end, 0);
  assertEquals(resultsOf(worker).ids, range(100));
});

Deno.test("runworker --threads drains all threads at the first signal, and loses nothing", async () => {
  await using opened = await openFolder();
  await opened.layer.sendMany("a", withIds(50, { type: "wait", duration: 100 }));
  await using worker = opened.start("--threads", "2", "-c", "2");
  await worker.stdout.count(6);
  worker.kill("SIGTERM");
  assertEquals(await worker.end, 0, worker.stderr.all.join("\n"));
  const left = await opened.layer.receiveMany("a", { limit: 100, wait: false }).catch(() => []);
  const all = [...resultsOf(worker).ids, ...left.map((delivery) => Number(delivery.read().id))];
  assertEquals(all.sort((one, other) => one - other), range(50));
  assertGreater(left.length, 0);
});

Deno.test("runworker --threads exits at the second signal, even if a thread burns CPU", async () => {
  await using opened = await openFolder();
  await opened.layer.send("a", { type: "burn", id: 0 });
  await opened.layer.send("a", { type: "wait", id: 1, duration: 60_000 });
  await using worker = opened.start("--threads", "2");
  await worker.stdout.until("begun 0");
  await worker.stdout.until("begun 1");
  const start = performance.now();
  await signalUntilExit(worker, "SIGTERM");
  assertEquals(await worker.end, 1);
  assertLess(performance.now() - start, 6_000);
  const log = worker.stderr.all.join("\n");
  assertMatch(log, /thread [12]: Exited on the second signal; interrupted: a\/wait/);
  assertMatch(log, /thread [12]: Thread terminated: its handler did not return in time/);
});

Deno.test("runworker --threads honors --shutdown-timeout, even if a thread burns CPU", async () => {
  await using opened = await openFolder();
  await opened.layer.send("a", { type: "burn", id: 0 });
  await opened.layer.send("a", { type: "wait", id: 1, duration: 60_000 });
  await using worker = opened.start("--threads", "2", "--shutdown-timeout", "0.2");
  await worker.stdout.until("begun 0");
  await worker.stdout.until("begun 1");
  worker.kill("SIGTERM");
  assertEquals(await worker.end, 1);
  const log = worker.stderr.all.join("\n");
  assertMatch(log, /thread [12]: Handlers still running after 200 ms were interrupted: a\/wait/);
  assertMatch(log, /thread [12]: Thread terminated/);
});

Deno.test("runworker --threads restarts a thread with backoff, and keeps its counts", async () => {
  await using opened = await openFolder();
  await using worker = opened.start("--threads", "2");
  await worker.stderr.until("Listening on");
  // Similar lines are folded: the first exit is logged immediately, the latest at the end.
  await opened.layer.sendMany("a", withIds(6, { type: "exit" }));
  await opened.layer.sendMany("a", withIds(20, { type: "work" }));
  await worker.stdout.count(20);
  worker.kill("SIGTERM");
  assertEquals(await worker.end, 0, worker.stderr.all.join("\n"));
  const log = worker.stderr.all.join("\n");
  assertMatch(log, /thread [12]: Thread exited: exit code 3; restarting in \d+ ms/);
  assertMatch(log, /restarting in 100 ms[^]*restarting in [248]00 ms \(5 more\)/);
  assertMatch(log, /info +thread [12]: Listening again/);
  assertMatch(worker.stderr.all.at(-1) ?? "", /26 received, 20 handled, 6 failed, 0 dropped/);
});

/** Returns the numbers of the last line: `{ received: 20, requeued: 3 }`. */
function countsOf({ stderr }: Program): Record<string, number> {
  const [, text = ""] = stderr.all.at(-1)?.split("Stopped: ") ?? [];
  const parts = Array.from(text.matchAll(/(\d+) ([a-z ]+)/g));
  return Object.fromEntries(parts.map(([, count, name = ""]) => [name.trim(), Number(count)]));
}

/** Handlers that exit, in the middle of many quick ones. */
async function checkExits(layer: ChannelLayer, url: string): Promise<void> {
  const events = withIds(3_000, { type: "work" });
  for (const at of [700, 1_500, 2_300]) events[at] = { type: "exit", id: -1 };
  await layer.sendMany("a", events);
  await using worker = start(url, "--threads", "2");
  await worker.stdout.count(2_997);
  worker.kill("SIGTERM");
  assertEquals(await worker.end, 0, worker.stderr.all.join("\n"));
  const expected = range(3_000).filter((id) => events[id]?.type === "work");
  assertEquals(resultsOf(worker).ids, expected);
  const counts = countsOf(worker);
  assertEquals([counts.handled, counts.failed, counts.lost], [2_997, 3, undefined]);
  assertEquals(counts.received, 3_000 + (counts.requeued ?? 0));
}

Deno.test("a handler that exits its thread loses no other event, on SQLite", async () => {
  await using opened = await openFolder();
  await checkExits(opened.layer, opened.url);
});

testWithRedis("exiting threads", () => {
  Deno.test("a handler that exits its thread loses no other event, on Redis", async () => {
    await using redis = await startRedis();
    await using layer = new RedisChannelLayer({ url: redis.url, capacity: 10_000 });
    await checkExits(layer, redis.url);
  });
});

Deno.test("a stop while a thread exits by its code ends with status 0", async () => {
  await using opened = await openFolder();
  await using worker = opened.start("--threads", "2", "--concurrency", "2");
  await worker.stderr.until("Listening on");
  // The exiting thread waits for one of these.
  await opened.layer.sendMany("a", withIds(3, { type: "wait", duration: 800 }));
  await worker.stdout.count(3);
  await opened.layer.send("a", { type: "exit" });
  await worker.stderr.until("ends this thread with exit code 3");
  worker.kill("SIGTERM");
  assertEquals(await worker.end, 0, worker.stderr.all.join("\n"));
  assertEquals(resultsOf(worker).ids, range(3));
});

Deno.test("events that are lost with a thread that is terminated are counted, and named in the log", async () => {
  await using opened = await openFolder();
  await opened.layer.sendMany("a", withIds(2_000, { type: "work" }));
  await using worker = opened.start("--threads", "2", "--shutdown-timeout", "0.2");
  await worker.stdout.count(300);
  await opened.layer.sendMany("a", [
    { type: "burn", id: 0 },
    ...withIds(2_000, { type: "work" }),
  ]);
  await worker.stdout.until("begun 0");
  worker.kill("SIGTERM");
  assertEquals(await worker.end, 1);
  const counts = countsOf(worker);
  const { received, handled, failed, dropped, lost = 0, requeued = 0 } = counts;
  assertEquals(received, (handled ?? 0) + (failed ?? 0) + (dropped ?? 0) + requeued + lost);
  const left = await remaining(opened.layer, "a");
  const log = worker.stderr.all.join("\n");
  const bounds = Array.from(log.matchAll(/up to (\d+) being fetched/g), (match) => match[1]);
  const missing = 4_001 - resultsOf(worker).ids.length - left.length;
  assertGreaterOrEqual(missing, lost);
  assertLessOrEqual(missing, lost + bounds.reduce((sum, bound) => sum + Number(bound), 0));
  assertMatch(log, /Thread terminated: its handler .*; lost: \d+ received events/);
});

Deno.test("an error of the user is logged once for all threads, with the exit status of one thread", async () => {
  await using folder = await temporaryFolder();
  const options = { cwd: folder.path };
  const check = async (code: number, message: string, args: string[]) => {
    for (const threads of ["1", "3"]) {
      await using worker = startProgram(["runworker", "a", "--threads", threads, ...args], options);
      assertEquals(await worker.end, code, worker.stderr.all.join("\n"));
      const told = worker.stderr.all.filter((line) => line.includes(message));
      assertEquals(told.length, 1, worker.stderr.all.join("\n"));
    }
  };
  await check(2, "error: module not found", ["--app", "./missing.ts"]);
  await check(2, "error: the memory layer works within one", ["--app", APP, "--layer", "memory:"]);
  await check(2, "error: unknown option", ["--treads", "2"]);
  await Deno.mkdir(`${folder.path}/folder.sqlite3`);
  await check(1, "cannot be used", ["--app", APP, "--layer", "sqlite:folder.sqlite3"]);
  for (const threads of ["0", "1.5", "many"]) {
    await using worker = startProgram(["runworker", "a", "--threads", threads], options);
    assertEquals(await worker.end, 2);
    assertMatch(worker.stderr.all.join(), /--threads must be a positive integer, got/);
  }
});

Deno.test("a thread that exits before it listens stops the others, and the status is 1", async () => {
  await using folder = await temporaryFolder();
  // The first of them dies.
  const app = `
    const isFirst = await Deno.mkdir("first").then(() => true, () => false);
    if (isFirst) Deno.exit(5);
    export default async (scope, receive) => { await receive(); };
  `;
  await Deno.writeTextFile(`${folder.path}/app.ts`, app);
  await using worker = startProgram(["runworker", "a", "--threads", "2"], { cwd: folder.path });
  assertEquals(await worker.end, 1);
  assertStringIncludes(worker.stderr.all.join("\n"), "Thread exited: exit code 5");
});

Deno.test("runworker --threads auto starts a thread for each core", async () => {
  await using opened = await openFolder();
  await using worker = opened.start("--threads", "auto", "--burst");
  assertEquals(await worker.end, 0);
  const cores = navigator.hardwareConcurrency;
  assertEquals(worker.stderr.all[0]?.includes(`, ${cores} threads)`), cores > 1);
});
