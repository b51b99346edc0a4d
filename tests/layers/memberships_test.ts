import { assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { LayerUnavailableError } from "@asgi/channels";
import {
  type AddressedBody,
  BaseChannelLayer,
  type Batch,
  type KeyInspection,
  layerSettings,
  msgpackCodec,
  type PollLimits,
  type Source,
  type Store,
} from "@asgi/channels/layers";
import { event } from "../helpers/events.ts";
import { until, within } from "../helpers/waiting.ts";

/** A backend in memory, as another package would write it, whose faults a test controls. */
class FaultyStore implements Store, Source {
  readonly batchLimit = { messages: Infinity, bytes: Infinity };
  readonly groups = new Map<string, Set<string>>();
  readonly #bodies = new Map<string, Uint8Array[]>();
  isDown = false;
  /** Holds the calls of `groupAdd()`. */
  gate: Promise<void> = Promise.resolve();
  adding = 0;
  /** Whether `groupAdd()` fails after it has added the channel. */
  losesReplies = false;
  #wake: () => void = () => {};

  /** Loses all groups, and fails until `isDown` is reset. */
  crash(): void {
    this.isDown = true;
    this.groups.clear();
    this.#wake();
  }

  append(key: string, bodies: readonly Uint8Array[]): Promise<number> {
    this.#bodies.set(key, [...this.#bodies.get(key) ?? [], ...bodies]);
    this.#wake();
    return Promise.resolve(bodies.length);
  }

  async broadcast<B extends AddressedBody>(bodies: readonly B[]): Promise<B[]> {
    for (const { key, body } of bodies) await this.append(key, [body]);
    return [];
  }

  sourcesOf(): readonly Source[] {
    return [this];
  }

  async poll(limits: PollLimits, wait: boolean): Promise<Batch[]> {
    this.#check();
    const isEmpty = limits.keys().every((key) => !this.#bodies.has(key));
    if (wait && isEmpty) await new Promise<void>((resolve) => this.#wake = resolve);
    this.#check();
    const expiresAt = Date.now() + 60_000;
    return [...limits.keys()].flatMap((key) => {
      const bodies = this.#bodies.get(key) ?? [];
      this.#bodies.delete(key);
      return [{ key, bodies: bodies.map((bytes) => ({ bytes, expiresAt, position: 0 })) }];
    });
  }

  interrupt(): void {
    this.#wake();
  }

  requeue(): Promise<void> {
    return Promise.resolve();
  }

  async groupAdd(group: string, channel: string): Promise<void> {
    this.adding++;
    await this.gate;
    this.#check();
    this.groups.set(group, (this.groups.get(group) ?? new Set()).add(channel));
    if (this.losesReplies) throw unavailable(true);
  }

  groupDiscard(group: string, channel: string): Promise<void> {
    this.groups.get(group)?.delete(channel);
    return Promise.resolve();
  }

  groupMembers(group: string): Promise<string[]> {
    return Promise.resolve([...this.groups.get(group) ?? []]);
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  inspectServers(): Promise<[]> {
    return Promise.resolve([]);
  }

  inspectKey(): Promise<KeyInspection> {
    return Promise.resolve({ count: 0 });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #check(): void {
    if (this.isDown) throw unavailable();
  }
}

function unavailable(outcomeUnknown = false): LayerUnavailableError {
  return new LayerUnavailableError({ layer: "faulty:", reason: "it has crashed", outcomeUnknown });
}

/** What happens to a call that changes a group. */
type Fault = "none" | "rejected" | "reply lost" | "crash";

/** Fails as a list of faults says, and works at its end. */
class RandomStore extends FaultyStore {
  readonly #faults: Fault[];
  #callback: () => void = () => {};

  constructor(faults: readonly Fault[]) {
    super();
    this.#faults = [...faults];
  }

  onReconnect(callback: () => void): void {
    this.#callback = callback;
  }

  override groupAdd(group: string, channel: string): Promise<void> {
    return this.#change(() => super.groupAdd(group, channel));
  }

  override groupDiscard(group: string, channel: string): Promise<void> {
    return this.#change(() => super.groupDiscard(group, channel));
  }

  async #change(apply: () => Promise<void>): Promise<void> {
    const fault = this.#faults.shift() ?? "none";
    await Promise.resolve();
    if (fault === "rejected") throw unavailable();
    await apply();
    if (fault === "reply lost") throw unavailable(true);
    if (fault !== "crash") return;
    this.groups.clear();
    this.#callback();
  }
}

class FaultyLayer extends BaseChannelLayer {
  readonly store: FaultyStore;

  constructor(store: FaultyStore = new FaultyStore()) {
    super({ store, codec: msgpackCodec, name: "faulty:" }, layerSettings({}));
    this.store = store;
  }
}

Deno.test("a subscription of any backend rejoins its groups after a poll has failed", async () => {
  await using layer = new FaultyLayer();
  const { store } = layer;
  await using subscription = await layer.subscribe(["readers", "writers"]);
  const next = subscription[Symbol.asyncIterator]().next();
  store.crash();
  await until("the poll has failed", () => store.adding > 2);
  store.isDown = false;
  await until("it has joined", () => store.groups.size === 2);
  await layer.groupSend("writers", event(1));
  assertEquals((await within(next, "the message")).value, event(1));
});

Deno.test("a membership that is discarded while it is renewed does not return", async () => {
  await using layer = new FaultyLayer();
  const { store } = layer;
  await using subscription = await layer.subscribe("readers");
  const next = subscription[Symbol.asyncIterator]().next();
  const { promise, resolve } = Promise.withResolvers<void>();
  store.gate = promise;
  store.crash();
  await until("it is renewed", () => store.adding > 1);
  store.isDown = false;
  const discarding = layer.groupDiscard("readers", subscription.channel);
  resolve();
  await discarding;
  assertEquals([...store.groups.get("readers") ?? []], []);
  await layer.send(subscription.channel, event(1));
  assertEquals((await next).value, event(1));
  assertEquals([...store.groups.get("readers") ?? []], []);
});

Deno.test("groupAdd() of an own channel that fails with an unknown outcome is reverted", async () => {
  await using layer = new FaultyLayer();
  const { store } = layer;
  await using subscription = await layer.subscribe();
  store.losesReplies = true;
  const adding = layer.groupAdd("readers", subscription.channel);
  await assertRejects(() => adding, LayerUnavailableError);
  await until("it has left", () => store.groups.get("readers")?.size === 0);
});

Deno.test("groupAdd() of a channel that is not own is not repeated", async () => {
  await using layer = new FaultyLayer();
  const { store } = layer;
  await using subscription = await layer.subscribe("readers");
  const next = subscription[Symbol.asyncIterator]().next();
  for (const channel of ["letters", layer.newChannel()]) await layer.groupAdd("readers", channel);
  store.crash();
  await until("the poll has failed", () => store.adding > 3);
  store.isDown = false;
  await until("the subscription has joined", () => store.groups.size === 1);
  await layer.send(subscription.channel, event(1));
  await next;
  assertEquals([...store.groups.get("readers") ?? []], [subscription.channel]);
});

Deno.test("after any faults, the own channels are in the groups that they were added to", async () => {
  const faults = fc.array(fc.constantFrom<Fault>("none", "rejected", "reply lost", "crash"), {
    maxLength: 12,
  });
  const call = fc.record({
    method: fc.constantFrom("groupAdd", "groupDiscard"),
    group: fc.constantFrom("one", "two"),
    channel: fc.constantFrom(0, 1),
  });
  const property = fc.asyncProperty(faults, fc.array(call, { maxLength: 12 }), async (...given) => {
    await assertMemberships(...given);
  });
  // A reset just when the background has settled everything else.
  const reset: [Fault[], Call[]] = [
    ["reply lost", "none", "crash"],
    [
      { method: "groupAdd", group: "two", channel: 0 },
      { method: "groupAdd", group: "one", channel: 0 },
    ],
  ];
  await fc.assert(property, { numRuns: 100, examples: [reset] });
});

/** A call for one of two channels. */
interface Call {
  readonly method: string;
  readonly group: string;
  readonly channel: number;
}

/** Runs calls one after another, and compares the groups with what the calls have returned. */
async function assertMemberships(faults: readonly Fault[], calls: readonly Call[]): Promise<void> {
  const store = new RandomStore(faults);
  await using layer = new FaultyLayer(store);
  await using one = await layer.subscribe();
  await using other = await layer.subscribe();
  const expected = new Set<string>();
  for (const { method, group, channel } of calls) {
    const name = (channel === 0 ? one : other).channel;
    if (method === "groupDiscard") {
      expected.delete(`${group} ${name}`);
      await layer.groupDiscard(group, name).catch(() => {});
    } else {
      const added = await layer.groupAdd(group, name).then(() => true, () => false);
      if (added) expected.add(`${group} ${name}`);
    }
  }
  const actual = () =>
    [...store.groups].flatMap(([group, names]) => [...names].map((name) => `${group} ${name}`));
  const [want, have] = [() => [...expected].sort().join(), () => actual().sort().join()];
  await until(`${want()} are the memberships`, () => have() === want());
}
