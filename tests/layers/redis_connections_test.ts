import { assert, assertEquals } from "@std/assert";
import { RedisChannelLayer } from "@asgi/channels";
import {
  connectionsOf,
  type RedisServer,
  startRedis,
  testWithRedis,
  untilConnections,
} from "../helpers/redis.ts";
import { until } from "../helpers/waiting.ts";

const EVENT = { type: "test.event", n: 1 };

testWithRedis("RedisChannelLayer: connections", () => {
  Deno.test("RedisChannelLayer: it connects when it is first used", async () => {
    await using server = await startRedis();
    const layer = new RedisChannelLayer({ url: server.url });
    layer.newChannel();
    const before = await received(server);
    await layer.close();
    // The one that asks is counted too.
    assertEquals(await received(server) - before, 1);
  });

  Deno.test("RedisChannelLayer: a sender holds one connection", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url });
    await Promise.all(["one", "two", "three"].map((channel) => layer.send(channel, EVENT)));
    await layer.groupAdd("readers", "letters");
    await layer.groupSend("readers", EVENT);
    assertEquals(await connectionsOf(server), 1);
  });

  Deno.test("RedisChannelLayer: a receiver of many channels holds two connections", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url });
    const control = new AbortController();
    const channels = ["one", "two", "three", layer.newChannel(), layer.newChannel()];
    const waiting = channels.map((channel) => layer.receive(channel, control).catch(() => {}));
    await layer.send("others", EVENT);
    await layer.receive("others");
    assert(await connectionsOf(server) <= 2);
    control.abort();
    await Promise.all(waiting);
  });

  Deno.test("RedisChannelLayer: close() leaves no key and no connection behind", async () => {
    await using server = await startRedis();
    const layer = new RedisChannelLayer({ url: server.url });
    const waiting = ["one", "two", layer.newChannel()].map((channel) =>
      layer.receive(channel).catch(() => {})
    );
    await layer.send("letters", EVENT);
    await layer.receive("letters");
    await layer.close();
    await Promise.all(waiting);
    assertEquals(await server.cli("KEYS", "*"), "");
    await untilConnections(server, 0);
  });

  Deno.test("RedisChannelLayer: close() leaves no connection behind, whatever is under way", async () => {
    await using server = await startRedis();
    const layer = new RedisChannelLayer({ url: server.url, capacity: 10_000 });
    const waiting = layer.receive("others").catch(() => {});
    const sending = [layer.sendMany("letters", Array(3_000).fill(EVENT)).catch(() => {})];
    for (const channel of ["letters", "letters", "others"]) {
      await Promise.resolve();
      sending.push(layer.send(channel, EVENT).catch(() => {}));
    }
    await layer.close();
    await Promise.all([waiting, ...sending]);
    await untilConnections(server, 0);
  });

  Deno.test("RedisChannelLayer: keys expire with their content", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url, expiry: 50, groupExpiry: 80 });
    await layer.send("letters", EVENT);
    await layer.send(layer.newChannel(), EVENT);
    await layer.groupAdd("readers", "letters");
    await until("no key is left", async () => await server.cli("DBSIZE") === "0", 5_000);
  });

  Deno.test("RedisChannelLayer: receive() that waits long polls again, and receives what is sent then", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url });
    const waiting = layer.receive("letters");
    // A blocking command ends after five seconds.
    await until("it has asked twice", async () => await blockingCalls(server) >= 2);
    await layer.send("letters", EVENT);
    assertEquals(await waiting, EVENT);
  });
});

async function received(server: RedisServer): Promise<number> {
  const stats = await server.cli("INFO", "stats");
  return Number(/total_connections_received:(\d+)/.exec(stats)?.[1]);
}

async function blockingCalls(server: RedisServer): Promise<number> {
  const stats = await server.cli("INFO", "commandstats");
  return Number(/cmdstat_bzpopmin:calls=(\d+)/.exec(stats)?.[1] ?? 0);
}
