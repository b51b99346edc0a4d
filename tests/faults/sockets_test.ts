import { assertEquals } from "@std/assert";
import { RedisChannelLayer } from "@asgi/channels";
import { startRedis, testWithRedis } from "../helpers/redis.ts";
import { openRawSocket } from "../helpers/raw_client.ts";
import { openSocket, startServer } from "../helpers/server.ts";
import { range } from "../helpers/events.ts";
import { until } from "../helpers/waiting.ts";
import { checkOutage, membersOf, site, useLayer } from "./sockets.ts";

testWithRedis("WebSockets in a group, on Redis", () => {
  Deno.test("WebSockets survive a Redis that stops for 2 s and loses its data, and receive what is sent afterwards", async () => {
    await checkOutage(20, 2_000, (url) => new RedisChannelLayer({ url }));
  });

  Deno.test("1,000 WebSockets that connect, join and vanish leave no member of the group, and no message", async () => {
    await using redis = await startRedis();
    await using layer = new RedisChannelLayer({ url: redis.url });
    await using _registered = useLayer(layer);
    await using server = await startServer(site);
    for (const round of range(10)) {
      await Promise.all(range(100).map(() => vanish(server.port, round % 2 === 0)));
      await until("no member is left", async () => await membersOf(redis) === 0, 30_000);
    }
    assertEquals(await layer.inspect(["pages"]).then(({ channels }) => channels[0]?.depth), 0);
  });

  Deno.test("a client that closes while events arrive ends only its own membership", async () => {
    await using redis = await startRedis();
    await using layer = new RedisChannelLayer({ url: redis.url });
    await using _registered = useLayer(layer);
    await using server = await startServer(site);
    await using staying = await openSocket(`ws://${server.host}/`);
    const sending = range(200).map((id) => layer.groupSend("pages", { type: "page.changed", id }));
    for (const _ of range(20)) await vanish(server.port, true);
    await Promise.all(sending);
    await until("one member is left", async () => await membersOf(redis) === 1, 30_000);
    await layer.groupSend("pages", { type: "page.changed", id: 1_000 });
    await until(
      "the other client has the last event",
      () => staying.messages.items.includes(JSON.stringify({ id: 1_000 })),
      30_000,
    );
  });
});

/** Opens a WebSocket, and closes its TCP connection: at once, or with a close frame before. */
async function vanish(port: number, isAbrupt: boolean): Promise<void> {
  if (isAbrupt) {
    using _client = await openRawSocket(port);
    return;
  }
  await using _client = await openSocket(`ws://127.0.0.1:${port}/`);
}
