import type { ChannelLayer, Message } from "@asgi/channels";
import { until, within } from "./waiting.ts";

/** A list that a test can wait for. */
export class Tally<T = unknown> {
  readonly items: T[] = [];
  readonly #watchers = new Set<() => void>();

  add(item: T): void {
    this.items.push(item);
    for (const watcher of this.#watchers) watcher();
  }

  /** Waits until there are so many items. */
  async reach(count: number): Promise<void> {
    await this.#when(() => this.items.length >= count, `${count} items`);
  }

  /** Waits until some item, past or to come, matches; the deadline is in milliseconds. */
  async find(matches: (item: T) => boolean, what: string, deadline?: number): Promise<void> {
    await this.#when(() => this.items.some(matches), what, deadline);
  }

  async #when(holds: () => boolean, what: string, deadline?: number): Promise<void> {
    const reached = Promise.withResolvers<void>();
    const watcher = () => {
      if (holds()) reached.resolve();
    };
    this.#watchers.add(watcher);
    watcher();
    try {
      await within(reached.promise, what, deadline);
    } finally {
      this.#watchers.delete(watcher);
    }
  }
}

/** Returns consecutive integers. */
export function range(count: number, first = 0): number[] {
  return Array.from({ length: count }, (_, index) => first + index);
}

/** Returns a numbered event. */
export function event(number: number, type = "work"): Message {
  return { type, number };
}

/** Returns events of one type, numbered from 0. */
export function numbered(count: number, type = "work"): Message[] {
  return range(count).map((number) => event(number, type));
}

/** Returns copies of an event with consecutive ids. */
export function withIds(count: number, event: Message, first = 0): Message[] {
  return range(count, first).map((id) => ({ ...event, id }));
}

/** Returns the numbers of events, ascending. */
export function numbersOf(events: readonly Message[]): number[] {
  return events.map(({ number }) => Number(number)).sort((a, b) => a - b);
}

/** Receives all messages that a channel holds. */
export async function remaining(layer: ChannelLayer, channel: string): Promise<Message[]> {
  const all: Message[] = [];
  for (let before = -1; before < all.length;) {
    before = all.length;
    const deliveries = await layer.receiveMany(channel, { limit: 100_000, wait: false });
    all.push(...deliveries.map((delivery) => delivery.read()));
  }
  return all;
}

/** Waits until a channel is empty, without receiving from it. */
export async function untilEmpty(layer: ChannelLayer, channel: string): Promise<void> {
  await until(`${channel} is empty`, async () => {
    const { channels } = await layer.inspect([channel]);
    return channels[0]?.depth === 0;
  });
}
