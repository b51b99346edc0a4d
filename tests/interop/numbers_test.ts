import { assertEquals, assertRejects } from "@std/assert";
import { RedisChannelLayer } from "@asgi/channels";
import { testWithPeer } from "./python.ts";

/** What Python can send, and this library can't. */
const RECEIVED = [2n ** 63n, 2n ** 64n - 1n, NaN, Infinity, -Infinity];

/** The error of each value when it is sent on. */
const REFUSALS: readonly (readonly [value: unknown, refusal: string])[] = [
  [2n ** 63n, "$.list[1].n is 9223372036854775808n: integers go from -2^63 to 2^63 - 1"],
  [2n ** 64n - 1n, "$.list[1].n is 18446744073709551615n: integers go from -2^63 to 2^63 - 1"],
  [-(2n ** 63n) - 1n, "$.list[1].n is -9223372036854775809n: integers go from -2^63 to 2^63 - 1"],
  [10n ** 400n, "$.list[1].n is a bigint of more than 64 bits: integers go from -2^63 to 2^63 - 1"],
  [NaN, "$.list[1].n is NaN: numbers must be finite"],
  [Infinity, "$.list[1].n is Infinity: numbers must be finite"],
  [-Infinity, "$.list[1].n is -Infinity: numbers must be finite"],
];

const SERIALIZERS = [
  { serializer: "msgpack", name: undefined },
  { serializer: "json", name: "JsonRedisChannelLayer" },
] as const;

testWithPeer("Numbers that Python sends and Deno doesn't", async (t, redis, peer) => {
  for (const { serializer, name } of SERIALIZERS) {
    const config = { prefix: serializer, ...name && { name } };
    await using layer = new RedisChannelLayer({ url: redis.url, prefix: serializer, serializer });

    await t.step(
      `${serializer}: integers of 64 bits, NaN and Infinity arrive as they are`,
      async () => {
        const own = layer.newChannel();
        for (const channel of ["letters", own]) {
          await peer.call(config, "send_numbers", channel);
          assertEquals((await layer.receive(channel)).numbers, RECEIVED);
        }
      },
    );

    await t.step(`${serializer}: sending refuses them, and says which, where and why`, async () => {
      for (const [n, refusal] of REFUSALS) {
        const message = { type: "test.event", list: [1, { n }] };
        await assertRejects(() => layer.send("refused", message), TypeError, refusal);
        await assertRejects(() => layer.groupSend("refused", message), TypeError, refusal);
      }
      assertEquals(await redis.cli("EXISTS", `${serializer}refused`), "0");
    });
  }
});
