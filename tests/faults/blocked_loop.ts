import { assertEquals } from "@std/assert";
import { RedisChannelLayer } from "@asgi/channels";
import { startRedis } from "../helpers/redis.ts";
import { numbered } from "../helpers/events.ts";
import { pause } from "../helpers/waiting.ts";

/** Checks that messages that arrive while the event loop is blocked are all received. */
export async function checkBlockedLoop(milliseconds: number): Promise<void> {
  await using redis = await startRedis();
  await using layer = new RedisChannelLayer({ url: redis.url, expiry: 600_000 });
  const events = numbered(50);
  await layer.sendMany("letters", events);
  await layer.receiveMany("others", { limit: 1, wait: false }); // It is connected.
  await redis.cli("CLIENT", "PAUSE", "300", "ALL");
  const receiving = receiveAll(layer, events.length);
  const sending = layer.send("others", { type: "work" });
  await pause(100); // Both commands are on their way.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
  await sending;
  assertEquals(await receiving, events);
}

async function receiveAll(layer: RedisChannelLayer, count: number): Promise<unknown[]> {
  const received: unknown[] = [];
  while (received.length < count) {
    const deliveries = await layer.receiveMany("letters", { limit: count });
    received.push(...deliveries.map((delivery) => delivery.read()));
  }
  return received;
}
