import type { ServerInspection } from "../channel_layer.ts";
import type { LayerSettings } from "../settings.ts";
import type { Batch, Demand, Parcel, Source, Stock, Store, StoredBody } from "../store.ts";

/** A body, and when it was sent: by a clock that is never set. */
interface Entry {
  readonly bytes: Uint8Array;
  readonly sentAt: number;
  readonly place: number;
}

/** How many times in the life of a message all channels are searched for expired ones. */
const SWEEPS_PER_EXPIRY = 4;

/**
 * Keeps bodies in the memory of this process. Expired ones are deleted by later calls, regardless
 * of their channel: a timer would be a leak wherever `close()` is not called.
 */
export class MemoryStore implements Store, Source {
  readonly step = { messages: Infinity, bytes: Infinity };
  readonly #sources = [this];
  readonly #settings: LayerSettings;
  readonly #entries = new Map<string, Entry[]>();
  /** When each channel joined, the earliest first. */
  readonly #groups = new Map<string, Map<string, number>>();
  #nextSweep = 0;
  #nextGroupSweep = 0;
  #wake: () => void = () => {};
  #place = 0;

  constructor(settings: LayerSettings) {
    this.#settings = settings;
  }

  append(key: string, bodies: readonly Uint8Array[], capacity: number): Promise<number> {
    this.#sweep();
    const entries = this.#live(key);
    const accepted = bodies.slice(0, Math.max(0, capacity - entries.length));
    const sentAt = performance.now();
    for (const bytes of accepted) entries.push({ bytes, sentAt, place: this.#place++ });
    this.#keep(key, entries);
    this.#wake();
    return Promise.resolve(accepted.length);
  }

  async broadcast(parcels: readonly Parcel[]): Promise<void> {
    for (const { key, body, capacity } of parcels) await this.append(key, [body], capacity);
  }

  sourcesOf(): readonly Source[] {
    return this.#sources;
  }

  async poll(demand: Demand, wait: boolean): Promise<Batch[]> {
    this.#sweep();
    const batches = this.#take(demand);
    if (!wait || batches.length > 0) return batches;
    await new Promise<void>((resolve) => this.#wake = resolve);
    return this.#take(demand);
  }

  interrupt(): void {
    this.#wake();
  }

  requeue(key: string, bodies: readonly StoredBody[]): Promise<void> {
    const offset = clockOffset();
    const returned = bodies.map(({ bytes, sentAt, place }) => ({
      bytes,
      sentAt: sentAt - offset,
      place: Number(place),
    }));
    const entries = [...returned, ...this.#entries.get(key) ?? []];
    this.#keep(key, entries.sort((a, b) => a.place - b.place));
    this.#wake();
    return Promise.resolve();
  }

  groupAdd(group: string, channel: string): Promise<void> {
    this.#sweep();
    const members = this.#groups.get(group) ?? new Map<string, number>();
    // One that joins again becomes the last.
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
    this.#entries.clear();
    this.#groups.clear();
    return Promise.resolve();
  }

  inspectServers(): Promise<ServerInspection[]> {
    return Promise.resolve([{ name: "memory:", version: "this process", roundTrip: 0 }]);
  }

  inspectKey(key: string): Promise<Stock> {
    const entries = this.#live(key);
    const oldest = entries[0] && Math.floor(entries[0].sentAt + clockOffset());
    return Promise.resolve({ count: entries.length, oldest });
  }

  async close(): Promise<void> {
    await this.flush();
  }

  #take(demand: Demand): Batch[] {
    const batches: Batch[] = [];
    const offset = clockOffset();
    for (const [key, limit] of demand) {
      const entries = this.#live(key);
      const taken = entries.splice(0, limit);
      this.#keep(key, entries);
      if (taken.length === 0) continue;
      const bodies = taken.map(({ bytes, sentAt, place }) => ({
        bytes,
        sentAt: Math.floor(sentAt + offset),
        place,
      }));
      batches.push({ key, bodies });
    }
    return batches;
  }

  /** Deletes everything that has expired, now and then. */
  #sweep(): void {
    const now = performance.now();
    if (now >= this.#nextSweep) {
      this.#nextSweep = now + this.#settings.expiry / SWEEPS_PER_EXPIRY;
      for (const key of this.#entries.keys()) this.#keep(key, this.#live(key));
    }
    if (now >= this.#nextGroupSweep) {
      this.#nextGroupSweep = now + this.#settings.groupExpiry / SWEEPS_PER_EXPIRY;
      for (const group of this.#groups.keys()) this.#liveMembers(group);
    }
  }

  #live(key: string): Entry[] {
    const oldest = performance.now() - this.#settings.expiry;
    const entries = this.#entries.get(key) ?? [];
    const expired = entries.findIndex(({ sentAt }) => sentAt > oldest);
    if (expired !== 0) entries.splice(0, expired === -1 ? entries.length : expired);
    return entries;
  }

  #keep(key: string, entries: Entry[]): void {
    if (entries.length > 0) this.#entries.set(key, entries);
    else this.#entries.delete(key);
  }

  #liveMembers(group: string): ReadonlyMap<string, number> | undefined {
    const oldest = performance.now() - this.#settings.groupExpiry;
    const members = this.#groups.get(group);
    for (const [channel, joinedAt] of members ?? []) {
      if (joinedAt > oldest) break;
      members?.delete(channel);
    }
    if (members?.size === 0) this.#groups.delete(group);
    return members;
  }
}

/** What is to be added to a time of `performance.now()`, in milliseconds since 1970. */
function clockOffset(): number {
  return Date.now() - performance.now();
}
