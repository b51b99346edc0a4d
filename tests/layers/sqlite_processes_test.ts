import { assert, assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { SqliteChannelLayer } from "@asgi/channels";
import { run, startScript } from "../helpers/program.ts";
import { type TemporaryFolder, temporaryFolder } from "../helpers/temporary.ts";
import { range } from "../helpers/events.ts";
import { pause } from "../helpers/waiting.ts";

const FIXTURES = new URL("../fixtures/layers/", import.meta.url).pathname;
const isLinux = Deno.build.os === "linux";

function pathIn(folder: TemporaryFolder): string {
  return `${folder.path}/channels.sqlite3`;
}

function eventOf(n: number) {
  return { type: "test.event", n };
}

Deno.test("SqliteChannelLayer: receive() is woken by another process", async () => {
  await using folder = await temporaryFolder();
  const path = pathIn(folder);
  await using layer = new SqliteChannelLayer({ path });
  const waiting = layer.receive("letters");
  await run(Deno.execPath(), ["run", "-A", `${FIXTURES}send.ts`, path, "letters", "7"]);
  const { n, pid } = await waiting;
  assertEquals(n, 7);
  assert(pid !== Deno.pid);
});

Deno.test("SqliteChannelLayer: receive() delivers each event to one of several processes", async () => {
  await using folder = await temporaryFolder();
  const path = pathIn(folder);
  await using layer = new SqliteChannelLayer({ path, capacity: 1_000 });
  const readers = [0, 1].map(() => startReader(path));
  for (const _ of readers) await layer.receive("started");
  for (let n = 0; n < 300; n++) await layer.send("letters", eventOf(n));
  for (const _ of readers) await layer.send("letters", eventOf(-1));
  const printed = await Promise.all(readers.map((reader) => reader.numbers));
  assertEquals(printed.flat().toSorted((a, b) => a - b), range(300));
  assert(printed.every((numbers) => numbers.length > 0), "One process got them all");
});

Deno.test({
  name: "SqliteChannelLayer: receive() that waits costs hardly any CPU time",
  ignore: !isLinux,
  fn: async () => {
    await using folder = await temporaryFolder();
    const path = pathIn(folder);
    await using layer = new SqliteChannelLayer({ path });
    const reader = startReader(path);
    await layer.receive("started");
    await settled(reader.pid);
    const [before, start] = [await cpuTime(reader.pid), performance.now()];
    await clockTo(start + 1_500);
    const share = (await cpuTime(reader.pid) - before) / (performance.now() - start);
    await layer.send("letters", eventOf(-1));
    await reader.numbers;
    assert(share < 0.03, `It used ${(share * 100).toFixed(1)} % of a processor`);
  },
});

Deno.test("SqliteChannelLayer: send() waits for a locked file and doesn't block the loop", async () => {
  await using folder = await temporaryFolder();
  const path = pathIn(folder);
  await using layer = new SqliteChannelLayer({ path });
  await layer.send("letters", eventOf(0));
  using other = new DatabaseSync(path);
  other.exec("BEGIN IMMEDIATE");
  let sent = false;
  const sending = Promise.all([1, 2, 3].map((n) => layer.send("letters", eventOf(n))))
    .then(() => sent = true);
  const longest = await longestGap(300);
  assertEquals(sent, false);
  other.exec("COMMIT");
  await sending;
  const deliveries = await layer.receiveMany("letters", { limit: 10 });
  assertEquals(deliveries.map((delivery) => delivery.read()["n"]), [0, 1, 2, 3]);
  assert(longest < 150, `The loop stood still for ${longest} ms`);
});

Deno.test("SqliteChannelLayer: receive() waits for a locked file and loses nothing", async () => {
  await using folder = await temporaryFolder();
  const path = pathIn(folder);
  await using layer = new SqliteChannelLayer({ path });
  await layer.send("letters", eventOf(1));
  using other = new DatabaseSync(path);
  other.exec("BEGIN IMMEDIATE");
  const waiting = layer.receive("letters");
  await longestGap(50);
  other.exec("COMMIT");
  assertEquals((await waiting)["n"], 1);
});

Deno.test({
  name: "SqliteChannelLayer: close() closes the file, whatever is in flight",
  ignore: !isLinux,
  fn: async () => {
    await using folder = await temporaryFolder();
    const layer = new SqliteChannelLayer({ path: pathIn(folder), capacity: 10_000 });
    const waiting = layer.receive("others").catch(() => {});
    const messages = range(2_000).map(eventOf);
    const sending = layer.sendMany("letters", messages).catch(() => {});
    await layer.close();
    await Promise.all([waiting, sending]);
    assertEquals(openFilesIn(folder.path), []);
  },
});

interface Reader {
  readonly pid: number;
  /** What it has printed, once it has got the number -1. */
  readonly numbers: Promise<number[]>;
}

function startReader(path: string): Reader {
  const { pid, end, stdout } = startScript(`${FIXTURES}wait.ts`, [path, "letters"]);
  return { pid, numbers: end.then(() => stdout.all.map(Number)) };
}

/** Waits, and returns the longest time that the event loop was blocked, in milliseconds. */
async function longestGap(milliseconds: number): Promise<number> {
  const end = performance.now() + milliseconds;
  let longest = 0;
  for (let last = performance.now(); last < end;) {
    await pause(1);
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }
  return longest;
}

async function clockTo(time: number): Promise<void> {
  while (performance.now() < time) await longestGap(time - performance.now());
}

/** The processor time that a process has used, in milliseconds. */
async function cpuTime(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const TICK = 10;
  return (Number(fields[11]) + Number(fields[12])) * TICK;
}

/** Waits until a process that has just started is idle. */
async function settled(pid: number): Promise<void> {
  for (let before = -1, now = 0; before !== now;) {
    before = await cpuTime(pid);
    await longestGap(250);
    now = await cpuTime(pid);
  }
}

function openFilesIn(folder: string): string[] {
  return Array.from(Deno.readDirSync("/proc/self/fd"), ({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${name}`);
    } catch {
      return "";
    }
  }).filter((path) => path.startsWith(folder));
}
