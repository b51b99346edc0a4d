import type { ChannelLayer } from "../../layers/mod.ts";
import type { Message } from "../../protocol/mod.ts";

/** Returns an event with a number. */
export function event(n: number): Message {
  return { type: "test.event", n };
}

/** Returns events that are numbered from `first`. */
export function events(count: number, first = 0): Message[] {
  return range(count, first).map(event);
}

/** Returns integers from `first`. */
export function range(count: number, first = 0): number[] {
  return Array.from({ length: count }, (_, index) => first + index);
}

/** Returns the number of an event. */
export function numberOf(message: Message): number {
  return Number(message["n"]);
}

/** Receives events one by one, and returns their numbers. */
export async function receiveNumbers(
  layer: ChannelLayer,
  channel: string,
  count: number,
): Promise<number[]> {
  const numbers: number[] = [];
  while (numbers.length < count) numbers.push(numberOf(await layer.receive(channel)));
  return numbers;
}

/** Receives all events that a channel contains, and returns their numbers. */
export async function drain(layer: ChannelLayer, channel: string): Promise<number[]> {
  const numbers: number[] = [];
  for (;;) {
    const deliveries = await layer.receiveMany(channel, { limit: 100, wait: false });
    if (deliveries.length === 0) return numbers;
    numbers.push(...deliveries.map((delivery) => numberOf(delivery.read())));
  }
}

/** Receives from a channel with several layers until they have `count` events in total. */
export async function receiveTogether(
  layers: readonly ChannelLayer[],
  channel: string,
  count: number,
): Promise<number[]> {
  const numbers: number[] = [];
  const control = new AbortController();
  const { signal } = control;
  await Promise.all(layers.map(async (layer) => {
    while (numbers.length < count) {
      const message = await unlessAborted(layer.receive(channel, { signal }), signal);
      if (message) numbers.push(numberOf(message));
    }
    control.abort();
  }));
  return numbers;
}

/** Returns what a promise resolves to; `undefined` if it rejects with the reason of a signal. */
export async function unlessAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal,
): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error;
    return undefined;
  }
}

/** Returns numbers in ascending order. */
export function sorted(numbers: readonly number[]): number[] {
  return numbers.toSorted((a, b) => a - b);
}
