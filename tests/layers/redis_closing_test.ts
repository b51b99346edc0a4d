import { assertLess, assertRejects } from "@std/assert";
import { type ChannelLayer, LayerClosedError, RedisChannelLayer } from "@asgi/channels";
import { startRedis, testWithRedis, untilConnections } from "../helpers/redis.ts";
import { startFakeServer } from "../helpers/network.ts";

const EVENT = { type: "test.event" };

/** Each kind of URL, and what is waited for while it connects. */
const KINDS: Readonly<Record<string, (at: string) => string>> = {
  "to a server": (at) => `redis://:secret@${at}`,
  "with TLS": (at) => `rediss://${at}`,
  "to a Sentinel": (at) => `redis+sentinel://${at}/main`,
  "to a cluster": (at) => `redis+cluster://:secret@${at}`,
};

for (const [kind, urlOf] of Object.entries(KINDS)) {
  Deno.test(`RedisChannelLayer: close() resolves immediately while it connects ${kind}`, async () => {
    await using server = await startFakeServer();
    const layer = new RedisChannelLayer({ url: urlOf(server.at) });
    const pending = [layer.groupAdd("g", "c"), layer.groupSend("g", EVENT), layer.flush()];
    const refused = pending.map((call) => assertRejects(() => call, LayerClosedError));
    await server.connected;
    const start = performance.now();
    await layer.close();
    await Promise.all(refused);
    assertLess(performance.now() - start, 2_000);
    await server.disconnected();
  });
}

/** What may be under way when a layer is closed. */
const CALLS: Readonly<Record<string, (layer: ChannelLayer) => readonly Promise<unknown>[]>> = {
  "groupAdd()": (layer) => [layer.groupAdd("g", "c")],
  "groupSend()": (layer) => [layer.groupSend("g", EVENT)],
  "inspect()": (layer) => [layer.inspect(["c"])],
  "send() and receive()": (layer) => [layer.send("c", EVENT), layer.receive("d")],
  "two receive()": (layer) => [layer.receive("d"), layer.receive(layer.newChannel())],
};

testWithRedis("RedisChannelLayer: close() while it connects", () => {
  Deno.test("RedisChannelLayer: close() while it connects leaves no connection behind", async () => {
    await using server = await startRedis();
    for (const [name, begin] of Object.entries(CALLS)) {
      for (let turns = 0; turns < 20; turns++) {
        const layer = new RedisChannelLayer({ url: server.url, capacity: 1_000 });
        const calls = begin(layer).map((call) => call.catch(() => {}));
        for (let turn = 0; turn < turns; turn++) await Promise.resolve();
        await layer.close();
        await Promise.all(calls);
      }
      await untilConnections(server, 0, `no connection is left after ${name}`);
    }
  });
});
