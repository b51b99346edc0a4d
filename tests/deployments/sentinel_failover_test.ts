import { assertEquals } from "@std/assert";
import { runStream } from "./helpers/event_stream.ts";
import { testWithRedis } from "../helpers/redis.ts";
import { pause, until } from "../helpers/waiting.ts";
import { MASTER, startSentinels } from "./helpers/sentinels.ts";

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
