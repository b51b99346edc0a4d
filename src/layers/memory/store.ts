import type { ServerInspection } from "../inspection.ts";
import type { LayerSettings } from "../settings.ts";
import type {
  AddressedBody,
  Batch,
  KeyInspection,
  PollLimits,
  Source,
  Store,
  StoredBody,
} from "../store.ts";

/** A body, and when it was sent, by the monotonic clock. */
interface StoredMessage {
  readonly bytes: Uint8Array;
  readonly sentAt: number;
  readonly position: number;
}

/** How often all keys are searched for expired bodies, within the duration of `expiry`. */
const SWEEPS_PER_EXPIRY = 4;

/**
 * Stores bodies in the memory of this process. Later calls delete expired bodies of all keys: a timer
 * would leak if `close()` is not called.
 */
export class MemoryStore implements Store, Source {
  readonly batchLimit = { messages: Infinity, bytes: Infinity };
  readonly #sources = [this];
  readonly #settings: LayerSettings;
  readonly #messages = new Map<string, StoredMessage[]>();
  /** The times at which channels were added, by group and channel, in order. */
  readonly #groups = new Map<string, Map<string, number>>();
  #nextSweep = 0;
  #nextGroupSweep = 0;
  #wake: () => void = () => {};
  #nextPosition = 0;

  constructor(settings: LayerSettings) {
    this.#settings = settings;
  }

  append(key: string, bodies: readonly Uint8Array[], capacity: number): Promise<number> {
    this.#sweep();
    const messages = this.#live(key);
    const accepted = bodies.slice(0, Math.max(0, capacity - messages.length));
    const sentAt = performance.now();
    for (const bytes of accepted) messages.push({ bytes, sentAt, position: this.#nextPosition++ });
    this.#keep(key, messages);
    this.#wake();
    return Promise.resolve(accepted.length);
  }

  async broadcast<B extends AddressedBody>(bodies: readonly B[]): Promise<B[]> {
    const skipped: B[] = [];
    for (const one of bodies) {
      const { key, body, capacity } = one;
      if (await this.append(key, [body], capacity) === 0) skipped.push(one);
    }
    return skipped;
  }

  sourcesOf(): readonly Source[] {
    return this.#sources;
  }

  async poll(limits: PollLimits, wait: boolean): Promise<Batch[]> {
    this.#sweep();
    const batches = this.#take(limits);
    if (!wait || batches.length > 0) return batches;
    await new Promise<void>((resolve) => this.#wake = resolve);
    return this.#take(limits);
  }

  interrupt(): void {
    this.#wake();
  }

  requeue(key: string, bodies: readonly StoredBody[]): Promise<void> {
    const offset = this.#expiryOffset;
    const requeued = bodies.map(({ bytes, expiresAt, position }) => ({
      bytes,
      sentAt: expiresAt - offset,
      position: Number(position),
    }));
    const messages = [...requeued, ...this.#messages.get(key) ?? []];
    this.#keep(key, messages.sort((a, b) => a.position - b.position));
    this.#wake();
    return Promise.resolve();
  }

  groupAdd(group: string, channel: string): Promise<void> {
    this.#sweep();
    const members = this.#groups.get(group) ?? new Map<string, number>();
    // A channel that is added again moves to the end.
    members.delete(channel);
    members.set(channel, performance.now());
    this.#groups.set(group, members);
    return Promise.resolve();
  }

  groupDiscard(group: string, channel: string): Promise<void> {
    const members = this.#groups.get(group);
    members?.delete(channel);
    if (members?.size === 0) this.#groups.delete(group);
    return Promise.resolve();
  }

  groupMembers(group: string): Promise<string[]> {
    return Promise.resolve([...this.#liveMembers(group)?.keys() ?? []]);
  }

  flush(): Promise<void> {
    this.#messages.clear();
    this.#groups.clear();
    return Promise.resolve();
  }

  inspectServers(): Promise<ServerInspection[]> {
    return Promise.resolve([{ name: "memory:", version: "this process", roundTrip: 0 }]);
  }

  inspectKey(key: string): Promise<KeyInspection> {
    const messages = this.#live(key);
    const oldest = messages[0] && Math.floor(messages[0].sentAt + clockOffset());
    return Promise.resolve({ count: messages.length, oldest });
  }

  async close(): Promise<void> {
    await this.flush();
  }

  #take(limits: PollLimits): Batch[] {
    const batches: Batch[] = [];
    const offset = this.#expiryOffset;
    for (const [key, limit] of limits) {
      const messages = this.#live(key);
      const taken = messages.splice(0, limit);
      this.#keep(key, messages);
      if (taken.length === 0) continue;
      const bodies = taken.map(({ bytes, sentAt, position }) => ({
        bytes,
        expiresAt: Math.floor(sentAt + offset),
        position,
      }));
      batches.push({ key, bodies });
    }
    return batches;
  }

  /** What to add to the time at which a body was sent to get its expiry as a date. */
  get #expiryOffset(): number {
    return clockOffset() + this.#settings.expiry;
  }

  /** Deletes everything that has expired, at intervals. */
  #sweep(): void {
    const now = performance.now();
    if (now >= this.#nextSweep) {
      this.#nextSweep = now + this.#settings.expiry / SWEEPS_PER_EXPIRY;
      for (const key of this.#messages.keys()) this.#keep(key, this.#live(key));
    }
    if (now >= this.#nextGroupSweep) {
      this.#nextGroupSweep = now + this.#settings.groupExpiry / SWEEPS_PER_EXPIRY;
      for (const group of this.#groups.keys()) this.#liveMembers(group);
    }
  }

  #live(key: string): StoredMessage[] {
    const oldest = performance.now() - this.#settings.expiry;
    const messages = this.#messages.get(key) ?? [];
    const expired = messages.findIndex(({ sentAt }) => sentAt > oldest);
    if (expired !== 0) messages.splice(0, expired === -1 ? messages.length : expired);
    return messages;
  }

  #keep(key: string, messages: StoredMessage[]): void {
    if (messages.length > 0) this.#messages.set(key, messages);
    else this.#messages.delete(key);
  }

  #liveMembers(group: string): ReadonlyMap<string, number> | undefined {
    const oldest = performance.now() - this.#settings.groupExpiry;
    const members = this.#groups.get(group);
    for (const [channel, addedAt] of members ?? []) {
      if (addedAt > oldest) break;
      members?.delete(channel);
    }
    if (members?.size === 0) this.#groups.delete(group);
    return members;
  }
}

/** Returns the difference between `Date.now()` and `performance.now()`, in milliseconds. */
function clockOffset(): number {
  return Date.now() - performance.now();
}
