import { RedisChannelLayer } from "@asgi/channels";
import { testWithRedis } from "../../helpers/redis.ts";
import { checkOutage } from "../sockets.ts";

testWithRedis("WebSockets while Redis is stopped", () => {
  Deno.test("200 WebSockets survive a Redis that stops for 10 s and loses its data, and receive what is sent afterwards", async () => {
    await checkOutage(200, 10_000, (url) => new RedisChannelLayer({ url }));
  });
});
