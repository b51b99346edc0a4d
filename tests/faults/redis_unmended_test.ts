import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { LayerUnavailableError, RedisChannelLayer } from "@asgi/channels";
import { startProxy } from "../helpers/proxy.ts";
import { type RedisServer, startRedis } from "../helpers/redis_server.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { startWorker } from "../worker/start_worker.ts";
import { Tally } from "../worker/tally.ts";
import { openScene } from "./network.ts";

// Each of these fails as the layer is now: they are left out until it is mended.

const events = Array.from({ length: 1_000 }, (_, number) => ({
  type: "work",
  number,
  body: "x".repeat(2_000),
}));

/** Leaves a server room for 500 of these events and more, but not for 1,000. */
async function fill(redis: RedisServer): Promise<void> {
  const used = Number(/used_memory:(\d+)/.exec(await redis.cli("INFO", "memory"))?.[1]);
  await redis.cli("CONFIG", "SET", "maxmemory", `${used + 2_200_000}`);
}

async function numbersIn(layer: RedisChannelLayer): Promise<unknown[]> {
  const found = [];
  for (;;) {
    const some = await layer.receiveMany("letters", { limit: 5_000, wait: false });
    if (some.length === 0) return found;
    found.push(...some.map((delivery) => delivery.read().number));
  }
}

Deno.test.ignore(
  "sendMany() that fails in its middle doesn't say that nothing was done",
  async () => {
    await using redis = await startRedis();
    await using layer = new RedisChannelLayer({ url: redis.url, capacity: 10_000 });
    await layer.send("letters", { type: "warm.up" });
    await fill(redis);
    const error = await assertRejects(
      () => layer.sendMany("letters", events),
      LayerUnavailableError,
    );
    await redis.cli("CONFIG", "SET", "maxmemory", "0");
    const sent = await numbersIn(layer);
    assertEquals(sent.length > 1, true, "some were sent");
    assertEquals(error.mayBeDone, true);
  },
);

Deno.test.ignore("sendMany() over two hosts, one of which gets full, sends each once", async () => {
  await using one = await startRedis();
  await using other = await startRedis();
  await using layer = new RedisChannelLayer({ hosts: [one.url, other.url], capacity: 10_000 });
  await layer.send("letters", { type: "warm.up" });
  await layer.send("letters", { type: "warm.up" });
  await numbersIn(layer);
  await fill(one);
  await layer.sendMany("letters", events);
  const sent = await numbersIn(layer);
  assertEquals(new Set(sent).size, sent.length, "each is there once");
});

for (const garbage of [":7\r\n", "*-1\r\n", "+OK\r\n", "$3\r\nabc\r\n", "*1\r\n:1\r\n"]) {
  const name = JSON.stringify(garbage);
  Deno.test.ignore(`an answer of another kind, ${name}, doesn't end the worker`, async () => {
    await using scene = await openScene();
    scene.proxy.garble(new TextEncoder().encode(garbage));
    let ended: unknown = "";
    scene.running.ended.catch((error) => ended = error);
    for (let number = 0; scene.running.seen.items.length === 0 && ended === ""; number++) {
      await scene.near.send("letters", { type: "work", number });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assertEquals(String(ended), "");
  });

  Deno.test.ignore(
    `send() that is answered by ${name} doesn't say whether it was sent`,
    async () => {
      await using folder = await temporaryFolder();
      await using redis = await startRedis();
      await using proxy = startProxy(`${folder.path}/p.sock`, redis.url.slice("unix://".length));
      await using layer = new RedisChannelLayer({ url: proxy.url });
      await layer.send("letters", { type: "work", number: 0 });
      proxy.garble(new TextEncoder().encode(garbage));
      const send = () => layer.send("letters", { type: "work", number: 1 });
      const error = await assertRejects(send, LayerUnavailableError);
      assertEquals(error.mayBeDone, true);
    },
  );
}

Deno.test.ignore("a key of the wrong type spoils no other channel of the worker", async () => {
  await using redis = await startRedis();
  await using layer = new RedisChannelLayer({ url: redis.url });
  const seen = new Tally<unknown>();
  const said = new Tally<string>();
  await using running = await startWorker({
    layer,
    channels: ["letters", "parcels"],
    log: ({ level, message }) => level === "error" && said.add(message),
    application: async (_scope, receive) => {
      for (;;) seen.add((await receive()).number);
    },
  });
  await redis.cli("SET", "asgiletters", "text");
  await said.reach(1);
  assertStringIncludes(said.items[0] ?? "", "WRONGTYPE");
  for (let number = 0; number < 3; number++) {
    await layer.send("parcels", { type: "work", number });
    await seen.reach(number + 1);
  }
  await running.stop();
});
