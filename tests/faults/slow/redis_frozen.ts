import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import { LayerUnavailableError, RedisChannelLayer } from "@asgi/channels";
import { outagesOf, send, sendAtLast, startRecording } from "../recording_worker.ts";
import { startRedis, testWithRedis } from "../../helpers/redis.ts";

testWithRedis("Redis frozen for 12 s", () => {
  Deno.test("Redis frozen for 12 s: sender and worker report it in time, reconnect, and nothing is handled twice", async () => {
    await using redis = await startRedis();
    await using layer = new RedisChannelLayer({ url: redis.url });
    await using near = new RedisChannelLayer({ url: redis.url });
    await using running = await startRecording(layer);
    await send(near, 0);
    await running.seen.reach(1);
    redis.kill("SIGSTOP");
    const start = performance.now();
    const thaw = setTimeout(() => redis.kill("SIGCONT"), 12_000);
    const error = await assertRejects(() => send(near, 1), LayerUnavailableError);
    assert(error.outcomeUnknown, "It may have been sent");
    assertLess(performance.now() - start, 6_500);
    await running.said("retrying");
    assertLess(performance.now() - start, 11_500);
    await running.said("Reconnected to");
    clearTimeout(thaw);
    assert(performance.now() - start > 11_900);
    for (const number of [2, 3]) await sendAtLast(near, number);
    await running.seen.find((number) => number === 3, "event 3");
    await running.stop();
    // Late replies of Redis are requeued; so is what it has fetched for the old connection.
    assertEquals(running.seen.items.toSorted(), [0, 1, 2, 3]);
    assertEquals(outagesOf(running).map(({ length }) => length), [1, 1]);
  });
});
