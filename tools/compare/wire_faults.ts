import { encode } from "@msgpack/msgpack";
import type { Message } from "@asgi/channels";
import { pass } from "../chaos/fault.ts";
import type { RedisPlace } from "../chaos/redis_stage.ts";
import { type Compared, EXTRA, idle } from "./compared.ts";

/** What comes before a message in Redis. */
const SALT = new TextEncoder().encode("123456789012");

/** 10,000 lists in each other, as MessagePack. */
const NESTED = new Uint8Array(10_000).fill(0x91, 0, 9_999).fill(0xc0, 9_999);

/** What may come to a worker that no sender of ours would send. */
export const WIRE_FAULTS: readonly Compared[] = [
  {
    name: "an event without a type",
    act: idle,
    event: (id) => (id === 10 ? { id } as unknown as Message : { type: "steady", id }),
  },
  coming("bytes that are no message", new TextEncoder().encode(" no message")),
  coming("a list instead of an event", encode([1, 2, 3])),
  coming("null instead of an event", encode(null)),
  coming("10,000 levels of nesting", NESTED),
  coming("an event of 20 MB", encode(extra({ data: new Uint8Array(20e6) }))),
  coming("an event with the key __proto__", encode(extra(JSON.parse('{"__proto__":{"a":1}}')))),
  coming("an event that says it is for channel 5", encode(extra({ __asgi_channel__: 5 }))),
];

/** An event that is handled like the 100, with something more in it. */
function extra(more: object): object {
  // Not by a spread: that would lose a key `__proto__`.
  return Object.defineProperties(
    { type: "steady", id: EXTRA },
    Object.getOwnPropertyDescriptors(more),
  );
}

function coming(name: string, body: Uint8Array): Compared {
  const act = async ({ redis }: { redis: RedisPlace }) => {
    await put(redis, body);
    await pass(500);
  };
  return { name, act };
}

/** Puts something into the worker's channel, before all that waits there. */
async function put(redis: RedisPlace, body: Uint8Array): Promise<void> {
  const socket = redis.url.slice("unix://".length);
  const score = `${Date.now() / 1_000 - 1}`;
  const process = new Deno.Command("redis-cli", {
    args: ["-s", socket, "-x", "ZADD", "asgia", score],
    stdin: "piped",
    stdout: "null",
  }).spawn();
  await new Blob([SALT, body as Uint8Array<ArrayBuffer>]).stream().pipeTo(process.stdin);
  await process.status;
}
