import { assertEquals, assertGreater, assertMatch, assertStringIncludes } from "@std/assert";
import { type Message, SqliteChannelLayer } from "@asgi/channels";
import { FIXTURE_APP, signalUntilItEnds, startProgram, startWorker } from "../helpers/program.ts";
import { temporaryFolder } from "../helpers/temporary.ts";

/** A layer in a folder of its own, for the test and for the programs that it starts. */
async function openLayer() {
  const folder = await temporaryFolder();
  const path = `${folder.path}/events.sqlite3`;
  const layer = new SqliteChannelLayer({ path, capacity: 100_000 });
  return {
    layer,
    folder: folder.path,
    url: `sqlite:${path}`,
    left: async (channel: string) => {
      const left: Message[] = [];
      for (let found = 1; found > 0;) {
        const deliveries = await layer.receiveMany(channel, { limit: 1000, wait: false });
        found = deliveries.length;
        left.push(...deliveries.map((delivery) => delivery.read()));
      }
      return left;
    },
    async [Symbol.asyncDispose]() {
      await layer.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

function numbered(count: number, event: Message): Message[] {
  return Array.from({ length: count }, (_, id) => ({ ...event, id }));
}

Deno.test("runworker handles what another process sends, and says what it listens to", async () => {
  await using opened = await openLayer();
  await using worker = await startWorker(["a", "b", "--layer", opened.url]);
  assertMatch(
    worker.stderr.all.join("\n"),
    /info +Listening on a, b \(layer sqlite:.*, app .*app\.ts\)/,
  );
  await opened.layer.send("b", { type: "tell.channel" });
  await worker.stdout.until("b");
  worker.kill("SIGTERM");
  assertEquals(await worker.end, 0);
  assertStringIncludes(worker.stderr.all.at(-1) ?? "", "Stopped: 1 received, 1 handled");
});

Deno.test("runworker leaves the events of other channels alone", async () => {
  await using opened = await openLayer();
  await opened.layer.sendMany("b", numbered(3, { type: "record" }));
  await opened.layer.sendMany("a", numbered(2, { type: "record" }));
  await using worker = startProgram(
    ["runworker", "a", "--burst", "--app", FIXTURE_APP, "--layer", opened.url],
  );
  assertEquals(await worker.end, 0);
  assertEquals(worker.stdout.all, ["0", "1"]);
  assertEquals((await opened.left("b")).length, 3);
});

Deno.test("runworker stops with 0 on SIGTERM, and loses none of 1,000 slow events", async () => {
  await using opened = await openLayer();
  await opened.layer.sendMany("a", numbered(1000, { type: "record.slowly", duration: 20 }));
  await using worker = await startWorker(["a", "-c", "4", "--layer", opened.url]);
  await worker.stdout.count(20);
  worker.kill("SIGTERM");
  assertEquals(await worker.end, 0);
  const handled = worker.stdout.all.map(Number);
  const left = (await opened.left("a")).map(({ id }) => id as number);
  const all = [...handled, ...left].sort((one, other) => one - other);
  assertEquals(all, Array.from({ length: 1000 }, (_, id) => id));
  assertEquals(left, [...left].sort((one, other) => one - other));
});

Deno.test("runworker stops on SIGINT as well", async () => {
  await using opened = await openLayer();
  await using worker = await startWorker(["a", "--layer", opened.url]);
  worker.kill("SIGINT");
  assertEquals(await worker.end, 0);
});

Deno.test("runworker leaves at once with 1 at the second signal, and says what it cut off", async () => {
  await using opened = await openLayer();
  await using worker = await startWorker(["a", "-v", "--layer", opened.url]);
  await opened.layer.sendMany("a", numbered(2, { type: "hang" }));
  await worker.stdout.until("0");
  const startedAt = performance.now();
  await signalUntilItEnds(worker, "SIGTERM");
  // What comes within a second of the first one is no second one.
  assertGreater(performance.now() - startedAt, 1_000);
  assertEquals(await worker.end, 1);
  assertStringIncludes(
    worker.stderr.all.join("\n"),
    "Exited on the second signal; interrupted: a/hang",
  );
  assertEquals(await opened.left("a"), [{ type: "hang", id: 1 }]);
});

Deno.test("runworker takes two signals within one second for one, and lets its handlers finish", async () => {
  await using opened = await openLayer();
  await using worker = await startWorker(["a", "--layer", opened.url]);
  await opened.layer.send("a", { type: "record.slowly", id: 3, duration: 1_500 });
  while ((await opened.layer.inspect(["a"])).channels[0]?.depth !== 0);
  // As by a terminal and a supervisor.
  worker.kill("SIGINT");
  worker.kill("SIGTERM");
  await worker.stderr.until("Stopping");
  worker.kill("SIGTERM");
  assertEquals([await worker.end, worker.stdout.all], [0, ["3"]], worker.stderr.all.join("\n"));
});

Deno.test("runworker leaves with 1 at the end of --shutdown-timeout, and says what it cut off", async () => {
  await using opened = await openLayer();
  const args = ["a", "--shutdown-timeout", "0.2", "--layer", opened.url];
  await using worker = await startWorker(args);
  await opened.layer.send("a", { type: "hang", id: 7 });
  await worker.stdout.until("7");
  worker.kill("SIGTERM");
  assertEquals(await worker.end, 1);
  assertStringIncludes(
    worker.stderr.all.join("\n"),
    "Handlers still running after 200 ms were interrupted: a/hang",
  );
});

Deno.test("runworker survives a promise that fails while nobody awaits it", async () => {
  await using opened = await openLayer();
  await using worker = await startWorker(["a", "--layer", opened.url]);
  await opened.layer.sendMany("a", numbered(2, { type: "leave.stray" }));
  await worker.stdout.count(2);
  worker.kill("SIGTERM");
  assertEquals(await worker.end, 0);
  const strays = worker.stderr.all.filter((line) => line.includes("that nobody awaits failed"));
  assertEquals(strays.length, 2);
  assertStringIncludes(strays[0] ?? "", "Error: stray");
});

Deno.test("runworker logs a failing handler in one line, with channel, type and stack", async () => {
  await using opened = await openLayer();
  await opened.layer.send("a", { type: "fail" });
  await using worker = startProgram(
    ["runworker", "a", "--burst", "--app", FIXTURE_APP, "--layer", opened.url],
  );
  assertEquals(await worker.end, 0);
  const [line = ""] = worker.stderr.all.filter((line) => line.includes("Handler failed"));
  assertMatch(
    line,
    /error Handler failed channel=a type="fail" Error: failed on purpose \| at .*app\.ts/,
  );
});

Deno.test("runworker writes its log as JSON for --log-format json", async () => {
  await using opened = await openLayer();
  await opened.layer.send("a", { type: "fail" });
  const args = ["runworker", "a", "--burst", "--app", FIXTURE_APP, "--layer", opened.url];
  await using worker = startProgram([...args, "--log-format", "json"]);
  assertEquals(await worker.end, 0);
  const entries = worker.stderr.all.map((line) => JSON.parse(line));
  assertEquals(entries.map(({ level }) => level), ["info", "error", "info"]);
  assertEquals(entries[1].channel, "a");
  assertEquals(entries[1].type, "fail");
  assertStringIncludes(entries[1].error, "Error: failed on purpose\n");
});

Deno.test("runworker says nothing for --quiet as long as all is well", async () => {
  await using opened = await openLayer();
  await opened.layer.send("a", { type: "record", id: 1 });
  const args = ["runworker", "a", "-q", "--burst", "--app", FIXTURE_APP, "--layer", opened.url];
  await using worker = startProgram(args);
  assertEquals(await worker.end, 0);
  assertEquals([worker.stdout.all, worker.stderr.all], [["1"], []]);
});

Deno.test("runworker warns of a channel that the app's router doesn't know", async () => {
  await using opened = await openLayer();
  const app = new URL("../../examples/thumbnails/app.ts", import.meta.url).href;
  const args = ["runworker", "thumbnials", "--burst", "--app", app, "--layer", opened.url];
  await using worker = startProgram(args);
  assertEquals(await worker.end, 0);
  assertMatch(
    worker.stderr.all.join("\n"),
    /warn .*no route for channel thumbnials.*known are thumbnails-generate, thumbnails-delete/,
  );
});

Deno.test("runworker finds the app by environment, deno.json and ./app.ts, in this order", async () => {
  await using opened = await openLayer();
  const write = async (name: string) => {
    const text = `export default async () => {}; console.log("${name}");`;
    await Deno.writeTextFile(`${opened.folder}/${name}`, text);
  };
  await Deno.mkdir(`${opened.folder}/inner`);
  for (const name of ["inner/app.ts", "configured.ts", "named.ts"]) await write(name);
  const run = async (env: Record<string, string>) => {
    const args = ["runworker", "a", "--burst", "--layer", opened.url];
    await using worker = startProgram(args, { cwd: `${opened.folder}/inner`, env });
    assertEquals(await worker.end, 0, worker.stderr.all.join("\n"));
    return worker.stdout.all;
  };
  assertEquals(await run({}), ["inner/app.ts"]);
  await Deno.writeTextFile(
    `${opened.folder}/deno.json`,
    JSON.stringify({ channels: { app: "./configured.ts" } }),
  );
  assertEquals(await run({}), ["configured.ts"]);
  assertEquals(await run({ CHANNELS_APP: "../named.ts" }), ["named.ts"]);
});
