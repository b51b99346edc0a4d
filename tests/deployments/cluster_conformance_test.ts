import { testWithRedis } from "../helpers/redis.ts";
import { startCluster } from "./helpers/cluster.ts";
import { testDeployment } from "./helpers/conformance.ts";

testWithRedis("RedisChannelLayer in a cluster", () => {
  testDeployment({
    name: "RedisChannelLayer in a cluster",
    start: () => startCluster(),
    options: ({ url }) => ({ url }),
  });
});
