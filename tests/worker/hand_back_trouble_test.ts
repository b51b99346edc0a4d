import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  type Application,
  type ChannelScope,
  LayerUnavailableError,
  MemoryChannelLayer,
  ShutdownTimeoutError,
} from "@asgi/channels";
import { AwayLayer } from "./away_layer.ts";
import { linesOf, startWorker } from "./start_worker.ts";
import { remaining, Tally } from "./tally.ts";

/** What may differ from scene to scene. */
interface SceneOptions {
  /** What the layer answers once it is away. */
  readonly trouble?: Error;
  /** Whether the application returns after each event. */
  readonly returns?: boolean;
  readonly shutdownTimeout?: number;
}

/**
 * A worker with "slow" in hand, whose handler waits for the gate, and "next" and "last" behind it;
 * its layer is away.
 */
async function startHolding({ trouble, returns = false, shutdownTimeout }: SceneOptions = {}) {
  const inner = new MemoryChannelLayer();
  const layer = new AwayLayer(inner);
  const seen = new Tally<string>();
  const gate = Promise.withResolvers<void>();
  const application: Application<ChannelScope> = async (_scope, receive) => {
    do {
      const { type } = await receive();
      seen.add(type);
      if (type !== "slow") continue;
      layer.goAway(trouble);
      await gate.promise;
    } while (!returns);
  };
  const tuning = shutdownTimeout === undefined ? {} : { shutdownTimeout };
  const running = await startWorker({ layer, channels: ["letters"], application, ...tuning });
  // Quick ones first: so it takes the three that follow at once.
  for (let count = 1; count <= 50; count++) {
    await inner.send("letters", { type: "quick" });
    await seen.reach(count);
  }
  await inner.sendMany("letters", [{ type: "slow" }, { type: "next" }, { type: "last" }]);
  await seen.reach(51);
  const stop = async () => {
    gate.resolve();
    await running.ended.catch(() => {});
    await layer.close();
  };
  return { inner, layer, seen, gate, running, [Symbol.asyncDispose]: stop };
}

for (const returns of [false, true]) {
  const how = returns ? "returns after each event" : "asks for more";
  Deno.test(`a worker that stops handles what it can't hand back: an application that ${how}`, async () => {
    await using scene = await startHolding({ returns });
    const stopped = scene.running.stop();
    await scene.layer.refusals.reach(1);
    scene.gate.resolve();
    await stopped;
    assertEquals(scene.seen.items.slice(50), ["slow", "next", "last"]);
    const { received, handled, lost, handedBack } = scene.running.worker.counts;
    assertEquals([received, handled, lost, handedBack], [53, 53, 0, 0]);
  });
}

Deno.test("a worker doesn't handle what the layer may have taken back: it is lost, and counted", async () => {
  const trouble = new LayerUnavailableError("away:", "No answer", { mayBeDone: true });
  await using scene = await startHolding({ trouble });
  const stopped = scene.running.stop();
  await scene.layer.refusals.reach(1);
  scene.gate.resolve();
  await stopped;
  assertEquals(scene.seen.items.slice(50), ["slow"]);
  const said = linesOf(scene.running, "error").join("\n");
  assertMatch(said, /2 events .* could not be handed back, and are lost/);
  const { received, handled, lost, handedBack } = scene.running.worker.counts;
  assertEquals([received, handled, lost, handedBack], [53, 51, 2, 0]);
});

Deno.test("a worker that stalls keeps what it can't hand back until the layer is there again", async () => {
  await using scene = await startHolding();
  await scene.layer.refusals.reach(1);
  scene.layer.comeBack();
  assertEquals(await scene.inner.receive("letters"), { type: "next" });
  assertEquals(await scene.inner.receive("letters"), { type: "last" });
  scene.gate.resolve();
  await scene.running.stop();
  const { received, handled, lost, handedBack } = scene.running.worker.counts;
  assertEquals([received, handled, lost, handedBack], [51, 51, 0, 2]);
});

Deno.test("a worker that stalled handles what it kept when it goes on first, in its order", async () => {
  await using scene = await startHolding();
  await scene.layer.refusals.reach(1);
  scene.gate.resolve();
  await scene.seen.reach(53);
  scene.layer.comeBack();
  await scene.inner.send("letters", { type: "later" });
  await scene.seen.reach(54);
  assertEquals(scene.seen.items.slice(50), ["slow", "next", "last", "later"]);
  await scene.running.stop();
  assertEquals(await remaining(scene.inner, "letters"), []);
});

Deno.test("what a worker has kept beyond its shutdown time is lost, and counted", async () => {
  await using scene = await startHolding({ shutdownTimeout: 100 });
  await assertRejects(() => scene.running.stop(), ShutdownTimeoutError, "letters/slow");
  const { received, handled, lost, handedBack } = scene.running.worker.counts;
  assertEquals([received, handled, lost, handedBack], [53, 50, 2, 0]);
});
