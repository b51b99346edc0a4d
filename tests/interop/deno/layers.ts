import { configureChannelLayers, RedisChannelLayer } from "@asgi/channels";

configureChannelLayers({
  default: new RedisChannelLayer({
    url: Deno.env.get("REDIS_URL") ?? "redis://127.0.0.1:6379",
    prefix: "asgi",
    capacity: 1000,
    channelCapacity: { "thumbnails-*": 5000 },
    expiry: 60_000, // milliseconds
    groupExpiry: 86_400_000, // milliseconds
  }),
});
