import { assertEquals, assertGreater, assertMatch, assertStringIncludes } from "@std/assert";
import {
  FIXTURE_APP,
  signalUntilExit,
  startProgram,
  startWorkerProcess,
} from "../helpers/program.ts";
import { range, remaining, untilEmpty, withIds } from "../helpers/events.ts";
import { openSqliteLayer } from "../helpers/layers.ts";

Deno.test("runworker handles what another process sends, and logs its channels", async () => {
  await using opened = await openSqliteLayer({ capacity: 100_000 });
  await using worker = await startWorkerProcess(["a", "b", "--layer", opened.url]);
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
  await using opened = await openSqliteLayer({ capacity: 100_000 });
  await opened.layer.sendMany("b", withIds(3, { type: "record" }));
  await opened.layer.sendMany("a", withIds(2, { type: "record" }));
  await using worker = startProgram(
    ["runworker", "a", "--burst", "--app", FIXTURE_APP, "--layer", opened.url],
  );
  assertEquals(await worker.end, 0);
  assertEquals(worker.stdout.all, ["0", "1"]);
  assertEquals((await remaining(opened.layer, "b")).length, 3);
});

Deno.test("runworker exits with status 0 on SIGTERM, and loses none of 1,000 slow events", async () => {
  await using opened = await openSqliteLayer({ capacity: 100_000 });
  await opened.layer.sendMany("a", withIds(1000, { type: "record.slowly", duration: 20 }));
  await using worker = await startWorkerProcess(["a", "-c", "4", "--layer", opened.url]);
  await worker.stdout.count(20);
  worker.kill("SIGTERM");
  assertEquals(await worker.end, 0);
  const handled = worker.stdout.all.map(Number);
  const left = (await remaining(opened.layer, "a")).map(({ id }) => id as number);
  const all = [...handled, ...left].sort((one, other) => one - other);
  assertEquals(all, range(1000));
  assertEquals(left, [...left].sort((one, other) => one - other));
});

Deno.test("runworker stops on SIGINT", async () => {
  await using opened = await openSqliteLayer({ capacity: 100_000 });
  await using worker = await startWorkerProcess(["a", "--layer", opened.url]);
  worker.kill("SIGINT");
  assertEquals(await worker.end, 0);
});

Deno.test("runworker exits with status 1 on the second signal, and names the interrupted events", async () => {
  await using opened = await openSqliteLayer({ capacity: 100_000 });
  await using worker = await startWorkerProcess(["a", "-v", "--layer", opened.url]);
  await opened.layer.sendMany("a", withIds(2, { type: "hang" }));
  await worker.stdout.until("0");
  const startedAt = performance.now();
  await signalUntilExit(worker, "SIGTERM");
  // A signal within a second of the first one doesn't count as the second.
  assertGreater(performance.now() - startedAt, 1_000);
  assertEquals(await worker.end, 1);
  assertStringIncludes(
    worker.stderr.all.join("\n"),
    "Exited on the second signal; interrupted: a/hang",
  );
  assertEquals(await remaining(opened.layer, "a"), [{ type: "hang", id: 1 }]);
});

Deno.test("runworker treats two signals within one second as one, and lets its handlers finish", async () => {
  await using opened = await openSqliteLayer({ capacity: 100_000 });
  await using worker = await startWorkerProcess(["a", "--layer", opened.url]);
  await opened.layer.send("a", { type: "record.slowly", id: 3, duration: 1_500 });
  await untilEmpty(opened.layer, "a");
  // As by a terminal and a supervisor.
  worker.kill("SIGINT");
  worker.kill("SIGTERM");
  await worker.stderr.until("Stopping");
  worker.kill("SIGTERM");
  assertEquals([await worker.end, worker.stdout.all], [0, ["3"]], worker.stderr.all.join("\n"));
});

Deno.test("runworker exits with status 1 after --shutdown-timeout, and names the interrupted events", async () => {
  await using opened = await openSqliteLayer({ capacity: 100_000 });
  const args = ["a", "--shutdown-timeout", "0.2", "--layer", opened.url];
  await using worker = await startWorkerProcess(args);
  await opened.layer.send("a", { type: "hang", id: 7 });
  await worker.stdout.until("7");
  worker.kill("SIGTERM");
  assertEquals(await worker.end, 1);
  assertStringIncludes(
    worker.stderr.all.join("\n"),
    "Handlers still running after 200 ms were interrupted: a/hang",
  );
});

Deno.test("runworker survives an unhandled rejection", async () => {
  await using opened = await openSqliteLayer({ capacity: 100_000 });
  await using worker = await startWorkerProcess(["a", "--layer", opened.url]);
  await opened.layer.sendMany("a", withIds(2, { type: "leave.stray" }));
  await worker.stdout.count(2);
  worker.kill("SIGTERM");
  assertEquals(await worker.end, 0);
  const strays = worker.stderr.all.filter((line) => line.includes("Unhandled promise rejection"));
  assertEquals(strays.length, 2);
  assertStringIncludes(strays[0] ?? "", "Error: stray");
});

Deno.test("runworker logs a failed handler in one line, with channel, type and stack", async () => {
  await using opened = await openSqliteLayer({ capacity: 100_000 });
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
  await using opened = await openSqliteLayer({ capacity: 100_000 });
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

Deno.test("runworker --quiet logs nothing without a failure", async () => {
  await using opened = await openSqliteLayer({ capacity: 100_000 });
  await opened.layer.send("a", { type: "record", id: 1 });
  const args = ["runworker", "a", "-q", "--burst", "--app", FIXTURE_APP, "--layer", opened.url];
  await using worker = startProgram(args);
  assertEquals(await worker.end, 0);
  assertEquals([worker.stdout.all, worker.stderr.all], [["1"], []]);
});

Deno.test("runworker warns of a channel that the app's router doesn't know", async () => {
  await using opened = await openSqliteLayer({ capacity: 100_000 });
  const app = new URL("../../examples/thumbnails/app.ts", import.meta.url).href;
  const args = ["runworker", "thumbnials", "--burst", "--app", app, "--layer", opened.url];
  await using worker = startProgram(args);
  assertEquals(await worker.end, 0);
  assertMatch(
    worker.stderr.all.join("\n"),
    /warn .*no route for channel thumbnials.*known channels are thumbnails-generate, thumbnails-delete/,
  );
});

Deno.test("runworker warns of a missing route if the app tells its channels, and only then", async () => {
  await using opened = await openSqliteLayer();
  const app = `${opened.folder}/app.ts`;
  const warnings = async (source: string) => {
    await Deno.writeTextFile(app, source);
    const args = ["runworker", "a", "b", "--burst", "--app", app, "--layer", opened.url];
    await using worker = startProgram(args);
    assertEquals(await worker.end, 0);
    return worker.stderr.all.flatMap((line) => /no route for .*/.exec(line) ?? []);
  };
  const application = "const application = async () => {};";
  assertEquals(await warnings(`${application} export { application };`), []);
  // Another copy of the library would use the same key.
  const hooks = `{ [Symbol.for("asgi.channels.hooks")]: { channels: ["b"] } }`;
  assertEquals(
    await warnings(`${application} export default Object.assign(application, ${hooks});`),
    ["no route for channel a: its events will be dropped; known channels are b"],
  );
});

Deno.test("runworker finds the app by environment, deno.json and ./app.ts, in this order", async () => {
  await using opened = await openSqliteLayer({ capacity: 100_000 });
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
