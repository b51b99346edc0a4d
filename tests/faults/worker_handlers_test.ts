import { assert, assertEquals, assertLess, assertMatch, assertStringIncludes } from "@std/assert";
import { RedisChannelLayer } from "@asgi/channels";
import { range, untilEmpty } from "../helpers/events.ts";
import { startRedis, testWithRedis } from "../helpers/redis.ts";
import { type Program, startProgram } from "../helpers/program.ts";
import { openSqliteLayer } from "../helpers/layers.ts";

const APP = new URL("../fixtures/faulty_app.ts", import.meta.url).href;

/** Starts a worker of the faulty app, and opens a layer to send to it. */
async function start() {
  const stack = new AsyncDisposableStack();
  const { layer, url } = stack.use(await openSqliteLayer({ capacity: 20_000 }));
  const worker = stack.use(await startFaulty(url));
  return { layer, worker, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

async function startFaulty(url: string): Promise<Program> {
  const channels = ["a", "unbuildable", "returning"];
  const program = startProgram(["runworker", ...channels, "--app", APP, "--layer", url]);
  await program.stderr.until("Listening on");
  return program;
}

/** Stops a worker, and returns its last line. */
async function stop(worker: Program): Promise<string> {
  worker.kill("SIGTERM");
  assertEquals(await worker.end, 0, worker.stderr.all.join("\n"));
  return worker.stderr.all.at(-1) ?? "";
}

Deno.test("a handler that throws undefined fails alone, and the log names what it has thrown", async () => {
  await using scene = await start();
  await scene.layer.send("a", { type: "throw.undefined" });
  await scene.layer.send("a", { type: "record", id: 1 });
  await scene.worker.stdout.until("1");
  assertStringIncludes(await stop(scene.worker), "2 received, 1 handled, 1 failed, 0 dropped");
  assertMatch(scene.worker.stderr.all.join("\n"), /Handler failed channel=a .*thrown: undefined/);
});

Deno.test("a handler that throws a value that can't be inspected fails alone", async () => {
  await using scene = await start();
  await scene.layer.send("a", { type: "throw.trap" });
  await scene.layer.send("a", { type: "record", id: 1 });
  await scene.worker.stdout.until("1");
  assertStringIncludes(await stop(scene.worker), "2 received, 1 handled, 1 failed, 0 dropped");
  assertMatch(scene.worker.stderr.all.join("\n"), /Handler failed channel=a/);
});

Deno.test("an unhandled rejection after a handler is logged, and doesn't end the worker", async () => {
  await using scene = await start();
  await scene.layer.send("a", { type: "reject.later", id: 1 });
  await scene.layer.send("a", { type: "throw.later", id: 2 });
  await scene.worker.stderr.until("Unhandled promise rejection");
  await scene.worker.stderr.until("Uncaught error");
  await scene.layer.send("a", { type: "record", id: 3 });
  await scene.worker.stdout.until("3");
  assertStringIncludes(await stop(scene.worker), "3 received, 3 handled, 0 failed");
});

Deno.test("100,000 unhandled rejections are folded, and the worker keeps running", async () => {
  await using scene = await start();
  const count = 10_000;
  for (let id = 0; id < 10; id++) await scene.layer.send("a", { type: "float", id, count });
  await scene.layer.send("a", { type: "record", id: 99 });
  await scene.worker.stdout.until("99");
  assertStringIncludes(await stop(scene.worker), "11 received, 11 handled, 0 failed");
  const strays = scene.worker.stderr.all.filter((line) =>
    line.includes("Unhandled promise rejection")
  );
  assertLess(strays.length, 8);
  const counted = strays.map((line) => Number(/\((\d+) more\)/.exec(line)?.[1] ?? 1));
  assertEquals(counted.reduce((sum, more) => sum + more, 0), 100_000);
});

Deno.test("a consumer that can't be made fails for each event, without a busy loop", async () => {
  await using scene = await start();
  const events = Array.from({ length: 1_000 }, () => ({ type: "record", id: 0 }));
  await scene.layer.sendMany("unbuildable", events);
  await scene.layer.send("a", { type: "record", id: 1 });
  await scene.worker.stdout.until("1");
  await untilEmpty(scene.layer, "unbuildable");
  assertMatch(await stop(scene.worker), /1001 received, 1 handled, 1000 failed, 0 dropped/);
  const lines = scene.worker.stderr.all.filter((line) => line.includes("Error: no paper"));
  assertLess(lines.length, 4);
});

Deno.test("an application that returns at once drops its events, without a busy loop of the process", async () => {
  await using scene = await start();
  const events = Array.from({ length: 1_000 }, () => ({ type: "record", id: 0 }));
  await scene.layer.sendMany("returning", events);
  await untilEmpty(scene.layer, "returning");
  assertMatch(
    await stop(scene.worker),
    /1000 received, 0 handled, .* 1000 dropped \(1000 ignored\)/,
  );
});

Deno.test("a handler that burns CPU delays a stop until it is done, and loses nothing", async () => {
  await using scene = await start();
  await scene.layer.send("a", { type: "burn", id: 1, duration: 600 });
  await scene.layer.send("a", { type: "record", id: 2 });
  await untilEmpty(scene.layer, "a");
  const last = await stop(scene.worker);
  const handled = scene.worker.stdout.all;
  assertEquals(handled[0], "1");
  assertStringIncludes(last, `${handled.length} handled, 0 failed`);
  const left = await scene.layer.receiveMany("a", { limit: 9, wait: false });
  assertEquals(handled.length + left.length, 2);
});

testWithRedis("A worker on Redis that burns CPU", () => {
  Deno.test("a handler that burns CPU for 2 s doesn't close the connection", async () => {
    await using redis = await startRedis();
    await using layer = new RedisChannelLayer({ url: redis.url });
    await using worker = await startFaulty(redis.url);
    await layer.send("a", { type: "burn", id: 1, duration: 2_000 });
    for (let id = 2; id < 20; id++) await layer.send("a", { type: "record", id });
    await worker.stdout.until("19");
    await stop(worker);
    assertEquals(worker.stdout.all, range(19, 1).map(String));
    assert(!worker.stderr.all.some((line) => line.includes(" error ")));
  });
});
