import type { RedisChannelLayer } from "@asgi/channels";
import { range } from "../../helpers/events.ts";

/** Sends numbered events to "letters", one by one: the hosts take turns. */
export async function sendNumbers(
  layer: RedisChannelLayer,
  first: number,
  count: number,
): Promise<void> {
  for (const n of range(count, first)) await layer.send("letters", { type: "a", n });
}

/** Receives events from "letters", and returns their numbers, ascending. */
export async function receiveNumbers(layer: RedisChannelLayer, count: number): Promise<number[]> {
  const numbers: number[] = [];
  while (numbers.length < count) numbers.push(Number((await layer.receive("letters"))["n"]));
  return numbers.sort((a, b) => a - b);
}
