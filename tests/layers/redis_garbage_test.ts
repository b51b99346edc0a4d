import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { LayerUnavailableError, RedisChannelLayer } from "@asgi/channels";
import { startProxy } from "../helpers/proxy.ts";
import { type RedisServer, startRedis, testWithRedis } from "../helpers/redis.ts";
import { temporaryFolder } from "../helpers/temporary.ts";

const EVENT = { type: "test.event" };

/** Answers that are none to what is asked, or none at all. */
const STRANGE = [
  "this is no Redis\r\n",
  ":5\r\n",
  "+OK\r\n",
  "$3\r\nabc\r\n",
  "*1\r\n:1\r\n",
  "*2\r\n*0\r\n:7\r\n",
];

const CALLS: readonly ((layer: RedisChannelLayer) => Promise<unknown>)[] = [
  (layer) => layer.send("letters", EVENT),
  (layer) => receive(layer, "letters"),
  (layer) => Promise.all([receive(layer, "letters"), receive(layer, "others")]),
  (layer) => layer.groupSend("readers", EVENT),
  (layer) => layer.inspect(["letters"]),
  (layer) => layer.flush(),
];

/** Receives, or gives up after a while: an unexpected reply may pass for an empty one. */
async function receive(layer: RedisChannelLayer, channel: string): Promise<void> {
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(), 300);
  try {
    await layer.receive(channel, { signal: over.signal });
  } catch (error) {
    if (!over.signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Calls until one works: each connection gets one unexpected reply, and some calls reject. */
async function untilItWorks(layer: RedisChannelLayer): Promise<void> {
  for (let times = 0;; times++) {
    try {
      await layer.flush();
      await layer.send("letters", EVENT);
      const [delivery] = await layer.receiveMany("letters", { limit: 1, wait: false });
      return assertEquals(delivery?.read(), EVENT);
    } catch (error) {
      if (times === 5) throw error;
    }
  }
}

async function garble(
  redis: RedisServer,
  answer: string,
  call: (layer: RedisChannelLayer) => Promise<unknown>,
): Promise<void> {
  await using folder = await temporaryFolder();
  const socket = redis.url.slice("unix://".length);
  await using proxy = startProxy(`${folder.path}/proxy.sock`, socket);
  await using layer = new RedisChannelLayer({ url: proxy.url, prefix: crypto.randomUUID() });
  await layer.send("others", EVENT);
  await layer.receive("others");
  proxy.garble(new TextEncoder().encode(answer));
  await call(layer).catch((error) => {
    if (!(error instanceof LayerUnavailableError)) throw error;
  });
  await untilItWorks(layer);
}

testWithRedis("RedisChannelLayer: unexpected replies", () => {
  for (const count of [1, 10]) {
    Deno.test(`sendMany() of ${count} accepts only a valid count as the reply`, async () => {
      await using redis = await startRedis();
      for (const answer of [":5\r\n", "*1\r\n:1\r\n", "*2\r\n:11\r\n:0\r\n"]) {
        await using folder = await temporaryFolder();
        const socket = redis.url.slice("unix://".length);
        await using proxy = startProxy(`${folder.path}/proxy.sock`, socket);
        await using layer = new RedisChannelLayer({ url: proxy.url, prefix: crypto.randomUUID() });
        await layer.send("letters", EVENT);
        proxy.garble(new TextEncoder().encode(answer));
        const events = Array.from({ length: count }, () => EVENT);
        const error = await assertRejects(() => layer.sendMany("letters", events));
        assertInstanceOf(error, LayerUnavailableError, `${answer} ${error}`);
        assertEquals(error.outcomeUnknown, true);
      }
    });
  }

  Deno.test("RedisChannelLayer: a call with an unexpected reply rejects, and the next ones work", async () => {
    await using redis = await startRedis();
    // Where an answer is missing, it is waited for: all of them at the same time.
    await Promise.all(
      CALLS.flatMap((call) => STRANGE.map((answer) => garble(redis, answer, call))),
    );
  });
});
