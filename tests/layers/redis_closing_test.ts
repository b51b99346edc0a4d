import { assertEquals, assertLess, assertRejects } from "@std/assert";
import { type ChannelLayer, LayerClosedError, RedisChannelLayer } from "@asgi/channels";
import { type RedisServer, startRedis, testWithRedis } from "../helpers/redis.ts";

const EVENT = { type: "test.event" };

/** A server that takes connections and never says a word. */
function startSilentServer() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const first = Promise.withResolvers<void>();
  const open = new Set<Promise<void>>();
  const accepting = (async () => {
    for await (const connection of listener) {
      open.add(untilItEnds(connection));
      first.resolve();
    }
  })();
  return {
    at: `127.0.0.1:${(listener.addr as Deno.NetAddr).port}`,
    /** Settles when somebody has connected. */
    connected: first.promise,
    /** Settles when all connections were closed by those who opened them. */
    left: async () => void await Promise.all(open),
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
    },
  };
}

async function untilItEnds(connection: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(1_024);
  while (await connection.read(buffer).catch(() => null) !== null);
  connection.close();
}

/** Each kind of URL, and what is waited for while it connects. */
const KINDS: Readonly<Record<string, (at: string) => string>> = {
  "to a server": (at) => `redis://:secret@${at}`,
  "with TLS": (at) => `rediss://${at}`,
  "to a Sentinel": (at) => `redis+sentinel://${at}/main`,
  "to a cluster": (at) => `redis+cluster://:secret@${at}`,
};

for (const [kind, urlOf] of Object.entries(KINDS)) {
  Deno.test(`RedisChannelLayer: close() ends at once while it connects ${kind}`, async () => {
    await using server = startSilentServer();
    const layer = new RedisChannelLayer({ url: urlOf(server.at) });
    const pending = [layer.groupAdd("g", "c"), layer.groupSend("g", EVENT), layer.flush()];
    const refused = pending.map((call) => assertRejects(() => call, LayerClosedError));
    await server.connected;
    const start = performance.now();
    await layer.close();
    await Promise.all(refused);
    assertLess(performance.now() - start, 2_000);
    await server.left();
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
      assertEquals(await connectionsAfterAMoment(server), 0, `${name} leaves connections behind`);
    }
  });
});

/** The server notices a moment later that a connection was ended. */
async function connectionsAfterAMoment(server: RedisServer): Promise<number> {
  for (const deadline = Date.now() + 2_000;;) {
    const clients = (await server.cli("CLIENT", "LIST")).split("\n");
    const count = clients.filter((line) => !line.includes("cmd=client")).length;
    if (count === 0 || Date.now() > deadline) return count;
  }
}
