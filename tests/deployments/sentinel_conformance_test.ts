import { testWithRedis } from "../helpers/redis.ts";
import { testDeployment } from "./helpers/conformance.ts";
import { startSentinels } from "./helpers/sentinels.ts";

testWithRedis("RedisChannelLayer behind Sentinels", () => {
  testDeployment({
    name: "RedisChannelLayer behind Sentinels",
    start: () => startSentinels(),
    options: ({ url }) => ({ url }),
  });
});
