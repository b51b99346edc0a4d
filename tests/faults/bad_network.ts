import { RedisChannelLayer } from "@asgi/channels";
import { type Proxy, startProxy } from "../helpers/proxy.ts";
import { startRedis, untilBlocked } from "../helpers/redis.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { startRecording } from "./recording_worker.ts";

/** Starts a Redis behind a bad network, a layer on either side, and a worker on the far one. */
export async function openScenario() {
  const stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const redis = stack.use(await startRedis());
  const socket = redis.url.slice("unix://".length);
  const proxy: Proxy = stack.use(startProxy(`${folder.path}/proxy.sock`, socket));
  const near = stack.use(new RedisChannelLayer({ url: redis.url }));
  const far = stack.use(new RedisChannelLayer({ url: proxy.url }));
  const running = stack.use(await startRecording(far));
  await untilBlocked(redis);
  return { proxy, near, far, running, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}
