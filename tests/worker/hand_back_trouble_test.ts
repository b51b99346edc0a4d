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
import { AwayLayer } from "./away_layer.ts";
import { linesOf, startWithoutWaiting, startWorker } from "./start_worker.ts";
import { remaining, Tally } from "./tally.ts";

/** What may differ from scene to scene. */
interface SceneOptions {
  /** What the layer answers once it is away. */
  readonly trouble?: Error;
  /** What the application does after each event but quick ones: by default, it asks for more. */
  readonly afterEach?: "returns" | "fails";
  readonly layer?: AwayLayer;
  readonly shutdownTimeout?: number;
}

/**
 * A worker with "slow" in hand, whose handler waits for the gate, and "next" and "last" behind it;
 * its layer is away.
 */
async function startHolding(options: SceneOptions = {}) {
  const { trouble, afterEach, shutdownTimeout } = options;
  const { layer = new AwayLayer(new MemoryChannelLayer()) } = options;
  const { inner } = layer;
  const runs = new Tally();
  const seen = new Tally<string>();
  const gate = Promise.withResolvers<void>();
  const application: Application<ChannelScope> = async (_scope, receive) => {
    for (runs.add(1);;) {
      const { type } = await receive();
      seen.add(type);
      if (type === "slow") {
        layer.goAway(trouble);
        await gate.promise;
      }
      if (afterEach === "returns") return;
      if (afterEach === "fails" && type === "slow") throw new RangeError("No stamp");
    }
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
    await running.stop().catch(() => {}); // The test may have told it to already.
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
  Deno.test(`a worker that stops handles what it can't hand back: an application that ${how}`, async () => {
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

Deno.test("a worker doesn't handle what the layer may have taken back: it is lost, and counted", async () => {
  const trouble = new LayerUnavailableError({
    layer: "away:",
    reason: "No answer",
    outcomeUnknown: true,
  });
  await using scene = await startHolding({ trouble });
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

Deno.test("a worker that stalls keeps what it can't hand back until the layer is there again", async () => {
  await using scene = await startHolding();
  await scene.layer.refusals.reach(1);
  scene.layer.comeBack();
  assertEquals(await scene.inner.receive("letters"), { type: "next" });
  assertEquals(await scene.inner.receive("letters"), { type: "last" });
  scene.gate.resolve();
  await scene.running.stop();
  const { received, handled, lost, requeued } = scene.running.worker.counts;
  assertEquals([received, handled, lost, requeued], [53, 51, 0, 2]);
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

/** It gives, but takes nothing back: a Redis whose memory is full does so. */
class FullLayer extends AwayLayer {
  override goAway(): void {
    this.refuseHandBack();
  }
}

/** Gives the event "later" only when it is told to, even to one who has given it up. */
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

Deno.test("a worker that stops keeps in its order what the layer gives late as well", async () => {
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

/** It takes its time to refuse what is handed back. */
class HesitantLayer extends LateLayer {
  readonly isAsked = Promise.withResolvers<void>();
  readonly refusal = Promise.withResolvers<void>();

  override async requeue(deliveries: readonly Delivery[]): Promise<void> {
    this.isAsked.resolve();
    await this.refusal.promise;
    await super.requeue(deliveries);
  }
}

/** What one sender sends seems to be as old as what came before, or older: its clock is behind. */
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
  Deno.test(`what a worker keeps comes before what it took meanwhile, sent ${behind} ms too early`, async () => {
    const layer = new SlowClockLayer(new MemoryChannelLayer(), behind);
    await using scene = await startHolding({ layer });
    await scene.inner.send("letters", { type: "later" });
    await layer.isLate.promise;
    await layer.isAsked.promise;
    layer.gate.resolve();
    await new Promise((resolve) => setTimeout(resolve)); // By then it is taken.
    layer.refusal.resolve();
    await layer.refusals.reach(1);
    scene.gate.resolve();
    await scene.seen.reach(54);
    assertEquals(scene.seen.items.slice(50), ["slow", "next", "last", "later"]);
  });
}

Deno.test("a worker that stalls tries again to hand back to a layer that is full, and isn't away", async () => {
  await using scene = await startHolding({ layer: new FullLayer(new MemoryChannelLayer()) });
  await scene.layer.refusals.reach(2);
  scene.layer.comeBack();
  assertEquals(await scene.inner.receive("letters"), { type: "next" });
  scene.gate.resolve();
});

Deno.test("a worker that is stopped before it listens handles what it can't hand back", async () => {
  const inner = new MemoryChannelLayer();
  await inner.send("letters", { type: "sent" });
  const taken = Promise.withResolvers<void>();
  class HalfLayer extends AwayLayer {
    override async receiveMany(channel: string, options: ReceiveManyOptions): Promise<Delivery[]> {
      if (channel === "parcels") {
        throw new LayerUnavailableError({ layer: "away:", reason: "It went away" });
      }
      const deliveries = await super.receiveMany(channel, options);
      this.refuseHandBack();
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

Deno.test("what a worker has kept beyond its shutdown time is lost, and counted", async () => {
  await using scene = await startHolding({ shutdownTimeout: 100 });
  await assertRejects(() => scene.running.stop(), ShutdownTimeoutError, "letters/slow");
  const { received, handled, lost, requeued } = scene.running.worker.counts;
  assertEquals([received, handled, lost, requeued], [53, 50, 2, 0]);
});
