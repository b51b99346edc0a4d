import { assertEquals } from "@std/assert";
import { RedisChannelLayer } from "@asgi/channels/layers/redis";
import { type Node, startNode, testWithRedis } from "../helpers/redis.ts";
import { until } from "../helpers/waiting.ts";
import { startAll } from "./helpers/conformance.ts";
import { receiveNumbers, sendNumbers } from "./helpers/numbers.ts";
import { range } from "../helpers/events.ts";

/** Something for which one host refuses to be written to, though it can be reached. */
interface Refusal {
  readonly what: string;
  readonly begin: (node: Node) => Promise<unknown>;
  readonly end: (node: Node) => Promise<unknown>;
  /** Whether it can't be received from either: then it is as good as lost. */
  readonly isLost: boolean;
}

const REFUSALS: readonly Refusal[] = [
  {
    what: "whose memory is full",
    begin: (node) => node.cli("CONFIG", "SET", "maxmemory", "1"),
    end: (node) => node.cli("CONFIG", "SET", "maxmemory", "0"),
    isLost: false,
  },
  {
    what: "that misses its replicas",
    begin: (node) => node.cli("CONFIG", "SET", "min-replicas-to-write", "1"),
    end: (node) => node.cli("CONFIG", "SET", "min-replicas-to-write", "0"),
    isLost: true,
  },
  {
    what: "that can't save",
    begin: failToSave,
    end: (node) => node.cli("CONFIG", "SET", "stop-writes-on-bgsave-error", "no"),
    isLost: true,
  },
  {
    what: "that is busy with a script",
    begin: async (node) => {
      await node.cli("CONFIG", "SET", "lua-time-limit", "5");
      node.cli("EVAL", "while true do end", "0").catch(() => {}); // It is killed.
      await until("it is busy", async () => (await node.cli("PING")).startsWith("BUSY"));
    },
    end: (node) => node.cli("SCRIPT", "KILL"),
    isLost: true,
  },
];

/** Makes saving fail: removes the folder to which the server saves. */
async function failToSave(node: Node): Promise<void> {
  const [, folder = ""] = (await node.cli("CONFIG", "GET", "dir")).split("\n");
  await Deno.remove(folder, { recursive: true });
  await node.cli("CONFIG", "SET", "save", "3600 1");
  await node.cli("BGSAVE");
  const state = () => node.cli("INFO", "persistence");
  await until("saving fails", async () => (await state()).includes("last_bgsave_status:err"));
}

testWithRedis("RedisChannelLayer with a host that rejects commands", () => {
  for (const { what, begin, end, isLost } of REFUSALS) {
    Deno.test(`RedisChannelLayer: sends skip a host ${what}, until it accepts them again`, async () => {
      await using nodes = await startAll(3, startNode);
      const hosts = nodes.all.map(({ at }) => `redis://${at}`);
      const changes: boolean[] = [];
      const onHostChange = ({ isReachable }: { isReachable: boolean }) => changes.push(isReachable);
      await using layer = new RedisChannelLayer({ hosts, onHostChange });
      const [first] = nodes.all as [Node];
      await sendAndReceive(layer, 0);
      await begin(first);
      await sendAndReceive(layer, 12);
      assertEquals(changes, isLost ? [false] : []);
      await end(first);
      if (isLost) await until("it is back", () => changes.length > 1);
      for (let n = 0; n < 12; n++) await layer.send("others", { type: "a" });
      assertEquals(await first.cli("ZCARD", "asgiothers"), "4");
    });

    Deno.test(`RedisChannelLayer: messages of a host ${what} are requeued on another one`, async () => {
      await using nodes = await startAll(3, startNode);
      const hosts = nodes.all.map(({ at }) => `redis://${at}`);
      await using layer = new RedisChannelLayer({ hosts, onHostChange: () => {} });
      const [first] = nodes.all as [Node];
      await sendNumbers(layer, 0, 3);
      const taken = [];
      while (taken.length < 3) taken.push(...await layer.receiveMany("letters", { limit: 3 }));
      await begin(first);
      await layer.requeue(taken);
      assertEquals(await receiveNumbers(layer, 3), [0, 1, 2]);
      await end(first);
    });
  }
});

async function sendAndReceive(layer: RedisChannelLayer, from: number): Promise<void> {
  await sendNumbers(layer, from, 12);
  assertEquals(await receiveNumbers(layer, 12), range(12, from));
}
