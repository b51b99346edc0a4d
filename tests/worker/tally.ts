import type { ChannelLayer, Message } from "@asgi/channels";
import { within } from "../testing/within.ts";

/** Keeps count of something, and lets a test wait for a number of it. */
export class Tally<T = unknown> {
  readonly items: T[] = [];
  readonly #watchers = new Set<() => void>();

  add(item: T): void {
    this.items.push(item);
    for (const watcher of this.#watchers) watcher();
  }

  /** Waits until there are so many. */
  async reach(count: number): Promise<void> {
    const reached = Promise.withResolvers<void>();
    const watcher = () => {
      if (this.items.length >= count) reached.resolve();
    };
    this.#watchers.add(watcher);
    watcher();
    await within(reached.promise, `${count} items`);
    this.#watchers.delete(watcher);
  }
}

/** Events of one type, numbered from 0. */
export function numbered(count: number, type = "work"): Message[] {
  return Array.from({ length: count }, (_, number) => ({ type, number }));
}

/** What a channel still holds, taken out of it. */
export async function remaining(layer: ChannelLayer, channel: string): Promise<Message[]> {
  const all: Message[] = [];
  for (let before = -1; before < all.length;) {
    before = all.length;
    const deliveries = await layer.receiveMany(channel, { limit: 100_000, wait: false });
    all.push(...deliveries.map((delivery) => delivery.read()));
  }
  return all;
}

/** The numbers of events, ascending. */
export function numbersOf(events: readonly Message[]): number[] {
  return events.map(({ number }) => Number(number)).sort((a, b) => a - b);
}

/** The numbers from 0. */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, number) => number);
}
