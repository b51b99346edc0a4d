import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  type Application,
  type ChannelScope,
  type Delivery,
  LayerUnavailableError,
  MemoryChannelLayer,
  type ReceiveManyOptions,
  ShutdownTimeoutError,
} from "@asgi/channels";
import { FlakyLayer } from "./flaky_layer.ts";
import { remaining, Tally } from "../helpers/events.ts";
import { linesOf, startWithoutWaiting, startWorker, warmUp } from "../helpers/worker.ts";
import { pause } from "../helpers/waiting.ts";

/** What differs from test to test. */
interface HoldingOptions {
  /** The error of the layer once it is unavailable. */
  readonly error?: Error;
  /** What the application does after each event but quick ones: by default, it asks for more. */
  readonly afterEach?: "returns" | "fails";
  readonly layer?: FlakyLayer;
  readonly shutdownTimeout?: number;
}

/**
 * Starts a worker with "slow" in flight, whose handler waits for the gate, and "next" and "last"
 * behind it; its layer is unavailable.
 */
async function startHolding(options: HoldingOptions = {}) {
  const { error, afterEach, shutdownTimeout } = options;
  const { layer = new FlakyLayer(new MemoryChannelLayer()) } = options;
  const { inner } = layer;
  const runs = new Tally();
  const seen = new Tally<string>();
  const gate = Promise.withResolvers<void>();
  const application: Application<ChannelScope> = async (_scope, receive) => {
    for (runs.add(1);;) {
      const { type } = await receive();
      seen.add(type);
      if (type === "slow") {
        layer.fail(error);
        await gate.promise;
      }
      if (afterEach === "returns") return;
      if (afterEach === "fails" && type === "slow") throw new RangeError("No stamp");
    }
  };
  const tuning = shutdownTimeout === undefined ? {} : { shutdownTimeout };
  const running = await startWorker({ layer, channels: ["letters"], application, ...tuning });
  await warmUp(inner, seen);
  await inner.sendMany("letters", [{ type: "slow" }, { type: "next" }, { type: "last" }]);
  await seen.reach(51);
  const stop = async () => {
    gate.resolve();
    await running.stop().catch(() => {}); // The test may have stopped it already.
    await layer.close();
  };
  return { inner, layer, runs, seen, gate, running, [Symbol.asyncDispose]: stop };
}

const SHAPES = [
  { how: "asks for more", handled: 53, failed: 0 },
  { how: "returns", afterEach: "returns", handled: 53, failed: 0 },
  { how: "fails first", afterEach: "fails", handled: 52, failed: 1 },
] as const;

for (const { how, handled, failed, ...shape } of SHAPES) {
  Deno.test(`a worker that stops handles what it can't requeue: an application that ${how}`, async () => {
    await using scene = await startHolding(shape);
    const stopped = scene.running.stop();
    await scene.layer.refusals.reach(1);
    scene.gate.resolve();
    await stopped;
    assertEquals(scene.seen.items.slice(50), ["slow", "next", "last"]);
    const { counts } = scene.running.worker;
    assertEquals([counts.received, counts.handled, counts.failed], [53, handled, failed]);
    assertEquals([counts.lost, counts.requeued], [0, 0]);
    if (how === "asks for more") assertEquals(scene.runs.items.length, 1);
  });
}

Deno.test("a worker doesn't handle what may have been requeued: it is lost, and counted", async () => {
  const error = new LayerUnavailableError({
    layer: "away:",
    reason: "No answer",
    outcomeUnknown: true,
  });
  await using scene = await startHolding({ error });
  const stopped = scene.running.stop();
  await scene.layer.refusals.reach(1);
  scene.gate.resolve();
  await stopped;
  assertEquals(scene.seen.items.slice(50), ["slow"]);
  const said = linesOf(scene.running, "error").join("\n");
  assertMatch(said, /Lost 2 unstarted events: the requeue failed/);
  const { received, handled, lost, requeued } = scene.running.worker.counts;
  assertEquals([received, handled, lost, requeued], [53, 51, 2, 0]);
});

Deno.test("a stalled worker keeps what it can't requeue until the layer is available again", async () => {
  await using scene = await startHolding();
  await scene.layer.refusals.reach(1);
  scene.layer.recover();
  assertEquals(await scene.inner.receive("letters"), { type: "next" });
  assertEquals(await scene.inner.receive("letters"), { type: "last" });
  scene.gate.resolve();
  await scene.running.stop();
  const { received, handled, lost, requeued } = scene.running.worker.counts;
  assertEquals([received, handled, lost, requeued], [53, 51, 0, 2]);
});

Deno.test("a worker that was stalled handles the kept events first, in order", async () => {
  await using scene = await startHolding();
  await scene.layer.refusals.reach(1);
  scene.gate.resolve();
  await scene.seen.reach(53);
  scene.layer.recover();
  await scene.inner.send("letters", { type: "later" });
  await scene.seen.reach(54);
  assertEquals(scene.seen.items.slice(50), ["slow", "next", "last", "later"]);
  await scene.running.stop();
  assertEquals(await remaining(scene.inner, "letters"), []);
});

/** Delivers, but refuses to requeue, as a Redis whose memory is full does. */
class FullLayer extends FlakyLayer {
  override fail(): void {
    this.refuseRequeue();
  }
}

/** Delivers the event "later" only when the gate opens, even after the call was aborted. */
class LateLayer extends FullLayer {
  readonly isLate = Promise.withResolvers<void>();
  readonly gate = Promise.withResolvers<void>();

  override async receiveMany(channel: string, options: ReceiveManyOptions): Promise<Delivery[]> {
    const deliveries = await super.receiveMany(channel, options);
    if (!deliveries.some((delivery) => delivery.read().type === "later")) return deliveries;
    this.isLate.resolve();
    await this.gate.promise;
    return deliveries;
  }
}

Deno.test("a worker that stops keeps the order of events that the layer delivers late", async () => {
  const layer = new LateLayer(new MemoryChannelLayer());
  await using scene = await startHolding({ layer });
  await scene.inner.send("letters", { type: "later" });
  await layer.isLate.promise;
  const stopped = scene.running.stop();
  await layer.refusals.reach(1);
  layer.gate.resolve();
  await layer.refusals.reach(2);
  scene.gate.resolve();
  await stopped;
  assertEquals(scene.seen.items.slice(50), ["slow", "next", "last", "later"]);
});

/** Refuses to requeue after a while. */
class HesitantLayer extends LateLayer {
  readonly isAsked = Promise.withResolvers<void>();
  readonly refusal = Promise.withResolvers<void>();

  override async requeue(deliveries: readonly Delivery[]): Promise<void> {
    this.isAsked.resolve();
    await this.refusal.promise;
    await super.requeue(deliveries);
  }
}

/** The events of one sender seem as old as earlier ones, or older: its clock is behind. */
class SlowClockLayer extends HesitantLayer {
  readonly #behind: number;

  constructor(inner: MemoryChannelLayer, behind: number) {
    super(inner);
    this.#behind = behind;
  }

  override async receiveMany(channel: string, options: ReceiveManyOptions): Promise<Delivery[]> {
    const deliveries = await super.receiveMany(channel, options);
    for (const delivery of deliveries) {
      if (delivery.read().type !== "later") continue;
      const expiresAt = delivery.expiresAt - this.#behind;
      Object.defineProperty(delivery, "expiresAt", { value: expiresAt });
    }
    return deliveries;
  }
}

for (const behind of [0, 1_000]) {
  Deno.test(`kept events come before events fetched meanwhile, sent ${behind} ms too early`, async () => {
    const layer = new SlowClockLayer(new MemoryChannelLayer(), behind);
    await using scene = await startHolding({ layer });
    await scene.inner.send("letters", { type: "later" });
    await layer.isLate.promise;
    await layer.isAsked.promise;
    layer.gate.resolve();
    await pause(0); // By then it is fetched.
    layer.refusal.resolve();
    await layer.refusals.reach(1);
    scene.gate.resolve();
    await scene.seen.reach(54);
    assertEquals(scene.seen.items.slice(50), ["slow", "next", "last", "later"]);
  });
}

Deno.test("a stalled worker retries to requeue to a layer that is full, and not unavailable", async () => {
  await using scene = await startHolding({ layer: new FullLayer(new MemoryChannelLayer()) });
  await scene.layer.refusals.reach(2);
  scene.layer.recover();
  assertEquals(await scene.inner.receive("letters"), { type: "next" });
  scene.gate.resolve();
});

Deno.test("a worker that is stopped before it listens handles what it can't requeue", async () => {
  const inner = new MemoryChannelLayer();
  await inner.send("letters", { type: "sent" });
  const taken = Promise.withResolvers<void>();
  class HalfLayer extends FlakyLayer {
    override async receiveMany(channel: string, options: ReceiveManyOptions): Promise<Delivery[]> {
      if (channel === "parcels") {
        throw new LayerUnavailableError({ layer: "away:", reason: "It went away" });
      }
      const deliveries = await super.receiveMany(channel, options);
      this.refuseRequeue();
      taken.resolve();
      return deliveries;
    }
  }
  await using layer = new HalfLayer(inner);
  const seen = new Tally<string>();
  const running = startWithoutWaiting({
    layer,
    channels: ["letters", "parcels"],
    application: async (_scope, receive) => {
      for (;;) seen.add((await receive()).type);
    },
  });
  await taken.promise;
  await running.stop();
  assertEquals(seen.items, ["sent"]);
});

Deno.test("what a worker holds after its shutdown timeout is lost, and counted", async () => {
  await using scene = await startHolding({ shutdownTimeout: 100 });
  await assertRejects(() => scene.running.stop(), ShutdownTimeoutError, "letters/slow");
  const { received, handled, lost, requeued } = scene.running.worker.counts;
  assertEquals([received, handled, lost, requeued], [53, 50, 2, 0]);
});
