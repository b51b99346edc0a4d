import { assertLess } from "@std/assert";
import { RedisChannelLayer } from "@asgi/channels";
import { type Proxy, startProxy } from "../helpers/proxy.ts";
import { type RedisServer, startRedis } from "../helpers/redis_server.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { startRecording } from "./recording.ts";

/** A Redis, a bad network before it, a layer on either side of it, and a worker behind it. */
export async function openScene() {
  const stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const redis: RedisServer = stack.use(await startRedis());
  const socket = redis.url.slice("unix://".length);
  const proxy: Proxy = stack.use(startProxy(`${folder.path}/proxy.sock`, socket));
  const near = stack.use(new RedisChannelLayer({ url: redis.url }));
  const far = stack.use(new RedisChannelLayer({ url: proxy.url }));
  const running = stack.use(await startRecording(far));
  await untilItWaits(redis);
  return { proxy, near, far, running, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** Waits until the worker has asked for what may come. */
async function untilItWaits(redis: RedisServer): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (!(await redis.cli("CLIENT", "LIST")).includes("cmd=bz")) {
    assertLess(Date.now(), deadline, "Nobody waits");
  }
}
