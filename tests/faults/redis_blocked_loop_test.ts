import { testWithRedis } from "../helpers/redis.ts";
import { checkBlockedLoop } from "./blocked_loop.ts";

testWithRedis("An event loop that is blocked", () => {
  for (const seconds of [3, 6]) {
    Deno.test(`an event loop blocked for ${seconds} s: arrived events are received, and the connection stays open`, async () => {
      await checkBlockedLoop(seconds * 1_000);
    });
  }
});
