import { RedisChannelLayer } from "@asgi/channels";
import { testChannelLayer } from "@asgi/channels/testing/conformance";
import { AMBIGUOUS_PREFIXES, backendOf } from "../helpers/layers.ts";
import { startRedis, testWithRedis } from "../helpers/redis.ts";

testWithRedis("RedisChannelLayer", () => {
  testChannelLayer({
    name: "RedisChannelLayer",
    async open() {
      const server = await startRedis();
      const { url } = server;
      return backendOf((options) => new RedisChannelLayer({ ...options, url }), server);
    },
    except: AMBIGUOUS_PREFIXES,
  });
});
