import { assertEquals } from "@std/assert";
import { type Message, RedisChannelLayer } from "@asgi/channels";
import { run, say, startRedis, testWithRedis } from "../helpers/redis_server.ts";

const PYTHON = "/usr/bin/python3";
const PEER = new URL("../fixtures/layers/peer.py", import.meta.url).pathname;

const VALUES: Readonly<Record<string, unknown>> = {
  text: "Grüße 😀",
  empty: "",
  integer: -5,
  large: 2 ** 40,
  larger: 2n ** 60n,
  smallest: -(2n ** 63n),
  float: 0.5,
  none: null,
  yes: true,
  bytes: Uint8Array.of(0, 255, 12),
  list: [1, "two", [3]],
  object: { "": 1, "__proto__": 2, inner: { a: [] } },
};

const KINDS = {
  type: "str",
  reply: "str",
  text: "str",
  empty: "str",
  integer: "int",
  large: "int",
  larger: "int",
  smallest: "int",
  float: "float",
  none: "NoneType",
  yes: "bool",
  bytes: "bytes",
  list: "list",
  object: "dict",
};

const hasPeer = await run(PYTHON, ["-c", "import channels_redis.core"]).then(
  () => true,
  () => false,
);
if (!hasPeer) say("RedisChannelLayer with channels_redis: not tested, for want of channels_redis");

testWithRedis("RedisChannelLayer with channels_redis", () => {
  Deno.test({
    name: "RedisChannelLayer: channels_redis receives what it sends, and the other way round",
    ignore: !hasPeer,
    fn: async () => {
      await using server = await startRedis();
      const peer = run(PYTHON, [PEER, server.url]);
      await using layer = new RedisChannelLayer({ url: server.url });
      const { channel } = await layer.receive("deno");
      await talk(layer, String(channel));
      await layer.send("python", { type: "stop" });
      await peer;
    },
  });
});

/** Both ways: channels, process-local channels, and groups of both. */
async function talk(layer: RedisChannelLayer, theirs: string): Promise<void> {
  const [own, other] = [layer.newChannel(), layer.newChannel()];
  for (const channel of [other, "readers-channel"]) await layer.groupAdd("readers", channel);
  const message = { type: "test.values", reply: own, ...VALUES };
  await layer.send("python", message);
  assertEquals(await described(layer), { message, kinds: KINDS });
  assertEquals(await layer.receive(own), { type: "to.one" });
  assertEquals(await layer.receive(other), { type: "to.all" });
  assertEquals(await layer.receive("readers-channel"), { type: "to.all" });
  await layer.send(theirs, { type: "to.one" });
  assertEquals((await described(layer)).message, { type: "to.one" });
  await layer.groupSend("python", { type: "to.all" });
  assertEquals((await described(layer)).message, { type: "to.all" });
}

async function described(layer: RedisChannelLayer): Promise<{ message: unknown; kinds: unknown }> {
  const { message, kinds } = (await layer.receive("deno")) as Message & { message: unknown };
  return { message, kinds };
}
