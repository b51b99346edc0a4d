import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { RedisChannelLayer } from "@asgi/channels";
import { runStream } from "./helpers/event_stream.ts";
import { testWithRedis, untilBlocked } from "../helpers/redis.ts";
import { pause, until } from "../helpers/waiting.ts";
import { MASTER, startSentinels } from "./helpers/sentinels.ts";

const EVENT = { type: "work" };

/** Freezes the replica while a layer receives an event, and returns when it did, in ms after the thaw. */
async function receiveWhileFrozen(duration: number, waitFirst: boolean): Promise<number> {
  await using servers = await startSentinels();
  await using receiver = new RedisChannelLayer({ url: servers.url });
  await using sender = new RedisChannelLayer({ url: servers.url });
  for (const layer of [receiver, sender]) {
    await layer.send("letters", EVENT);
    await layer.receive("letters");
  }
  const waiting = waitFirst ? receiver.receive("letters") : undefined;
  if (waiting) await untilBlocked(servers.master);
  servers.replica.freeze();
  await sender.send("letters", EVENT);
  const received = (waiting ?? receiver.receive("letters")).then(() => performance.now());
  await pause(duration);
  servers.replica.thaw();
  const thawedAt = performance.now();
  return await received - thawedAt;
}

testWithRedis("RedisChannelLayer in a failover of Sentinels", () => {
  Deno.test("RedisChannelLayer: the master is killed in mid-stream, and nothing is handled twice", async () => {
    await using servers = await startSentinels({ sentinels: 3 });
    await runStream({
      name: "Sentinels, master killed",
      url: servers.url,
      async strike() {
        await servers.master.crash();
        await servers.untilFailedOver();
      },
    });
  });

  Deno.test("RedisChannelLayer: SENTINEL FAILOVER in mid-stream, and nothing is handled twice", async () => {
    await using servers = await startSentinels();
    await runStream({
      name: "SENTINEL FAILOVER",
      url: servers.url,
      async strike() {
        await servers.sentinels[0]!.cli("SENTINEL", "FAILOVER", MASTER);
        await servers.untilFailedOver();
        // Until then, the old master considers itself the master.
        await until(
          "the old master is a replica",
          async () => (await servers.master.cli("ROLE")).startsWith("slave"),
        );
      },
    });
  });

  Deno.test("RedisChannelLayer: an event that was waited for is delivered once a replica has confirmed its removal", async () => {
    assertGreater(await receiveWhileFrozen(200, true), 0);
  });

  Deno.test("RedisChannelLayer: a slow replica is waited for, and no longer than it takes", async () => {
    const delay = await receiveWhileFrozen(1_000, false);
    assertGreater(delay, 0);
    assertLess(delay, 1_500);
  });

  Deno.test("RedisChannelLayer: the master freezes in mid-stream, and nothing is handled twice", async () => {
    await using servers = await startSentinels();
    await runStream({
      name: "Sentinels, master frozen",
      url: servers.url,
      async strike() {
        servers.master.freeze();
        await servers.untilFailedOver();
        servers.master.thaw();
        await until(
          "the old master is a replica",
          async () => (await servers.master.cli("ROLE")).startsWith("slave"),
        );
      },
    });
  });

  Deno.test("RedisChannelLayer: the replica fails in mid-stream, and nothing is lost", async () => {
    await using servers = await startSentinels();
    const { lost, refused } = await runStream({
      name: "Sentinels, replica killed",
      url: servers.url,
      async strike() {
        await servers.replica.crash();
        await pause(2_000);
      },
    });
    assertEquals([lost, refused], [0, 0]);
  });
});
