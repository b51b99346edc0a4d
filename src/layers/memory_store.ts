import type { ServerInspection } from "./channel_layer.ts";
import type { LayerSettings } from "./options.ts";
import type { Batch, Demand, Parcel, Source, Stock, Store, StoredBody } from "./store.ts";

/** Keeps bodies in the memory of this process. */
export class MemoryStore implements Store, Source {
  readonly step = { messages: Infinity, bytes: Infinity };
  readonly #sources = [this];
  readonly #settings: LayerSettings;
  readonly #bodies = new Map<string, StoredBody[]>();
  readonly #groups = new Map<string, Map<string, number>>();
  #wake: () => void = () => {};
  #place = 0;

  constructor(settings: LayerSettings) {
    this.#settings = settings;
  }

  append(key: string, bodies: readonly Uint8Array[], capacity: number): Promise<number> {
    const held = this.#live(key);
    const accepted = bodies.slice(0, Math.max(0, capacity - held.length));
    for (const bytes of accepted) {
      held.push({ bytes, sentAt: Date.now(), place: this.#place++ });
    }
    this.#keep(key, held);
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
    const batches = this.#take(demand);
    if (!wait || batches.length > 0) return batches;
    await new Promise<void>((resolve) => this.#wake = resolve);
    return this.#take(demand);
  }

  interrupt(): void {
    this.#wake();
  }

  putBack(key: string, bodies: readonly StoredBody[]): Promise<void> {
    const held = [...bodies, ...this.#bodies.get(key) ?? []];
    this.#keep(key, held.sort((a, b) => Number(a.place) - Number(b.place)));
    this.#wake();
    return Promise.resolve();
  }

  groupAdd(group: string, channel: string): Promise<void> {
    const members = this.#groups.get(group) ?? new Map<string, number>();
    members.set(channel, Date.now());
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
    const oldest = Date.now() - this.#settings.groupExpiry;
    const members = [...this.#groups.get(group) ?? []];
    return Promise.resolve(members.filter(([, at]) => at > oldest).map(([channel]) => channel));
  }

  flush(): Promise<void> {
    this.#bodies.clear();
    this.#groups.clear();
    return Promise.resolve();
  }

  inspectServers(): Promise<ServerInspection[]> {
    return Promise.resolve([{ name: "memory:", version: "this process", roundTrip: 0 }]);
  }

  inspectKey(key: string): Promise<Stock> {
    const held = this.#live(key);
    return Promise.resolve({ count: held.length, oldest: held[0]?.sentAt });
  }

  async close(): Promise<void> {
    await this.flush();
  }

  #take(demand: Demand): Batch[] {
    const batches: Batch[] = [];
    for (const [key, limit] of demand) {
      const held = this.#live(key);
      const bodies = held.splice(0, limit);
      this.#keep(key, held);
      if (bodies.length > 0) batches.push({ key, bodies });
    }
    return batches;
  }

  #live(key: string): StoredBody[] {
    const oldest = Date.now() - this.#settings.expiry;
    const held = this.#bodies.get(key) ?? [];
    const expired = held.findIndex(({ sentAt }) => sentAt > oldest);
    held.splice(0, expired === -1 ? held.length : expired);
    return held;
  }

  #keep(key: string, held: StoredBody[]): void {
    if (held.length > 0) this.#bodies.set(key, held);
    else this.#bodies.delete(key);
  }
}
