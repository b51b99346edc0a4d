import { crc32 } from "node:zlib";
import { isSafeToRetry } from "../../../errors/mod.ts";
import type { ServerInspection } from "../../inspection.ts";
import { isProcessLocal } from "../../names.ts";
import { settleAll } from "../../settle_all.ts";
import type {
  AddressedBody,
  Batch,
  KeyInspection,
  PollLimits,
  Source,
  Store,
  StoredBody,
} from "../../store.ts";
import { isUnreachable } from "../connection/failures.ts";
import { BATCH_LIMIT, type RedisStore } from "../store.ts";
import type { TakenMember } from "../wire_format.ts";
import type { Host } from "./host.ts";

/**
 * Distributes keys over several independent Redis servers, as channels_redis does: ordinary
 * channels are on all of them, and each send goes to the next host; a process-local channel or a
 * group belongs to the host that its name selects.
 */
export class ShardedStore implements Store {
  readonly batchLimit = BATCH_LIMIT;
  readonly #hosts: readonly Host[];
  readonly #sources: readonly HostSource[];
  #turn = 0;

  constructor(hosts: readonly Host[]) {
    this.#hosts = hosts;
    this.#sources = hosts.map((host) => new HostSource(host, hosts));
  }

  async append(key: string, bodies: readonly Uint8Array[], capacity: number): Promise<number> {
    const hosts = isProcessLocal(key) ? [this.#hostOf(key)] : this.#inTurn();
    const failures: unknown[] = [];
    let accepted = 0;
    for (const host of hosts) {
      try {
        const rest = bodies.slice(accepted);
        accepted += await host.use((store) => store.append(key, rest, capacity));
      } catch (error) {
        if (!isSafeToRetry(error)) throw error;
        failures.push(error);
      }
      if (accepted === bodies.length) return accepted;
    }
    if (failures.length === hosts.length) throw failures[0];
    return accepted;
  }

  async broadcast<B extends AddressedBody>(messages: readonly B[]): Promise<B[]> {
    const skipped: B[] = [];
    await settleAll(messages.map(async (message) => {
      const { key } = message;
      const hosts = this.#candidates(this.#hostOf(key), key);
      skipped.push(...await this.#onFirst(hosts, (store) => store.broadcast([message])));
    }));
    return skipped;
  }

  sourcesOf(): readonly Source[] {
    return this.#sources;
  }

  async requeue(key: string, bodies: readonly StoredBody[]): Promise<void> {
    const bySource = Map.groupBy(bodies, (body) => (body as TakenMember).source);
    await settleAll(Array.from(bySource, ([source, some]) => {
      const own = this.#hosts.find(({ store }) => store.source === source)!;
      return this.#onFirst(this.#candidates(own, key), (store) => store.requeue(key, some));
    }));
  }

  async groupAdd(group: string, channel: string): Promise<void> {
    await this.#hostOf(group).use((store) => store.groupAdd(group, channel));
  }

  async groupDiscard(group: string, channel: string): Promise<void> {
    await this.#hostOf(group).use((store) => store.groupDiscard(group, channel));
  }

  async groupMembers(group: string): Promise<string[]> {
    return await this.#hostOf(group).use((store) => store.groupMembers(group));
  }

  async flush(): Promise<void> {
    await Promise.all(this.#hosts.map((host) => host.use((store) => store.flush())));
  }

  async inspectServers(): Promise<ServerInspection[]> {
    const each = this.#hosts.map((host) => host.use((store) => store.inspectServers()));
    return (await Promise.all(each)).flat();
  }

  async inspectKey(key: string): Promise<KeyInspection> {
    const each = this.#hosts.map((host) => host.use((store) => store.inspectKey(key)));
    const found = (await Promise.all(each)).filter(({ count }) => count > 0);
    const count = found.reduce((sum, part) => sum + part.count, 0);
    if (count === 0) return { count };
    return { count, oldest: Math.min(...found.map(({ oldest }) => oldest ?? Infinity)) };
  }

  onReconnect(callback: () => void): void {
    for (const { store } of this.#hosts) store.onReconnect(callback);
  }

  async close(): Promise<void> {
    await Promise.all(this.#hosts.map((host) => host.close()));
  }

  /** Does something on the first host that accepts it; the next one is tried only if it is safe. */
  async #onFirst<T>(hosts: readonly Host[], work: (store: RedisStore) => Promise<T>): Promise<T> {
    const failures: unknown[] = [];
    for (const host of hosts) {
      try {
        return await host.use(work);
      } catch (error) {
        if (!isSafeToRetry(error)) throw error;
        failures.push(error);
      }
    }
    throw failures[0];
  }

  /** Returns a host, and those that may stand in for it: an ordinary channel is on all of them. */
  #candidates(own: Host, key: string): readonly Host[] {
    if (isProcessLocal(key)) return [own];
    return [own, ...this.#hosts.filter((host) => host !== own)];
  }

  #hostOf(name: string): Host {
    return this.#hosts[hostIndexOf(name, this.#hosts.length)]!;
  }

  #inTurn(): readonly Host[] {
    const first = this.#turn++ % this.#hosts.length;
    return [...this.#hosts.slice(first), ...this.#hosts.slice(0, first)];
  }
}

/**
 * Returns the index of the host that a name belongs to, by the rule of channels_redis: twelve bits
 * of its CRC-32 are a position on a ring of 4096, of which each host has an equal part.
 *
 * @param name The name of a group, or the part of a process-local channel's name up to the `!`.
 * @param hosts The number of hosts.
 */
function hostIndexOf(name: string, hosts: number): number {
  return Math.floor((crc32(name) & 0xfff) / (4096 / hosts));
}

/** Receives from one of several hosts; it waits while only that one is unreachable. */
class HostSource implements Source {
  readonly #host: Host;
  readonly #hosts: readonly Host[];
  #interrupt: () => void = () => {};

  constructor(host: Host, hosts: readonly Host[]) {
    this.#host = host;
    this.#hosts = hosts;
  }

  async poll(demand: PollLimits, wait: boolean): Promise<Batch[]> {
    const interrupted = new Promise<void>((resolve) => this.#interrupt = resolve);
    try {
      return await this.#host.use(({ source }) => source.poll(demand, wait));
    } catch (error) {
      if (!isUnreachable(error) || this.#hosts.every(({ failure }) => failure)) throw error;
    }
    if (wait) await Promise.race([this.#host.recovered, interrupted]);
    return [];
  }

  async interrupt(): Promise<void> {
    this.#interrupt();
    await this.#host.store.source.interrupt();
  }
}
