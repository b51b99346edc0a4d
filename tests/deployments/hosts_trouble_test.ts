import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { LayerUnavailableError } from "@asgi/channels";
import { type HostChange, RedisChannelLayer } from "@asgi/channels/layers/redis";
import { startWorker } from "../helpers/program.ts";
import { testWithRedis } from "../helpers/redis_server.ts";
import { startAll } from "./helpers/conformance.ts";
import { type Node, startNode, until } from "./helpers/node.ts";

interface Trouble extends AsyncDisposable {
  readonly nodes: readonly Node[];
  readonly hosts: readonly string[];
  readonly layer: RedisChannelLayer;
  /** What `onHostChange` was told: `"lost 2"` and the like. */
  readonly changes: string[];
}

/** A layer on three hosts of its own, which is connected to all of them. */
async function startTrouble(): Promise<Trouble> {
  await using stack = new AsyncDisposableStack();
  const { all: nodes } = stack.use(await startAll(3, startNode));
  const hosts = nodes.map(({ at }) => `redis://${at}`);
  const changes: string[] = [];
  const onHostChange = ({ host, isReachable }: HostChange) => {
    changes.push(`${isReachable ? "back" : "lost"} ${hosts.indexOf(host)}`);
  };
  const layer = stack.use(new RedisChannelLayer({ hosts, onHostChange, capacity: 1_000 }));
  await sendNumbers(layer, 0, 3);
  assertEquals(await receiveNumbers(layer, 3), [0, 1, 2]);
  const ended = stack.move();
  return { nodes, hosts, layer, changes, [Symbol.asyncDispose]: () => ended.disposeAsync() };
}

async function sendNumbers(layer: RedisChannelLayer, first: number, count: number): Promise<void> {
  for (let n = first; n < first + count; n++) await layer.send("letters", { type: "a", n });
}

async function receiveNumbers(layer: RedisChannelLayer, count: number): Promise<number[]> {
  const numbers: number[] = [];
  while (numbers.length < count) numbers.push(Number((await layer.receive("letters"))["n"]));
  return numbers.sort((a, b) => a - b);
}

function range(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, at) => first + at);
}

testWithRedis("RedisChannelLayer with lost hosts", () => {
  Deno.test("RedisChannelLayer: one of three hosts dies, and the layer goes on with the others", async () => {
    await using trouble = await startTrouble();
    const { nodes, layer, changes } = trouble;
    const receiving = receiveNumbers(layer, 30);
    await nodes[1]!.crash();
    await until("the loss is told", () => changes.length > 0);
    await sendNumbers(layer, 0, 30);
    assertEquals(await receiving, range(0, 30));
    assertEquals(changes, ["lost 1"]);

    await using back = await startNode({ port: nodes[1]!.port });
    await until("the return is told", () => changes.length > 1);
    await sendNumbers(layer, 30, 30);
    assertEquals(await back.cli("ZCARD", "asgiletters"), "10");
    assertEquals(await receiveNumbers(layer, 30), range(30, 30));
    assertEquals(changes, ["lost 1", "back 1"]);
  });

  Deno.test("RedisChannelLayer: sends go round a host that died while nobody looked", async () => {
    await using trouble = await startTrouble();
    const { nodes, layer, changes } = trouble;
    await nodes[2]!.crash();
    for (let n = 0; n < 3; n++) await layer.send("first", { type: "a" }).catch(() => {});
    await sendNumbers(layer, 0, 12);
    assertEquals(await receiveNumbers(layer, 12), range(0, 12));
    assertEquals(changes, ["lost 2"]);
  });

  Deno.test("RedisChannelLayer: what came from a host that died is handed back to another one", async () => {
    await using trouble = await startTrouble();
    const { nodes, layer, changes } = trouble;
    await sendNumbers(layer, 0, 3);
    const taken = [];
    while (taken.length < 3) taken.push(...await layer.receiveMany("letters", { limit: 3 }));
    await nodes[1]!.crash();
    await layer.receiveMany("others", { limit: 1, wait: false }); // So it sees what has happened.
    await until("the loss is told", () => changes.length > 0);
    await layer.requeue(taken);
    assertEquals(await receiveNumbers(layer, 3), [0, 1, 2]);
  });

  Deno.test("RedisChannelLayer: groups go round a host that died, where nobody's name is on it", async () => {
    await using trouble = await startTrouble();
    const { nodes, layer } = trouble;
    // The name of the group is host 2's, that of the channel host 1's.
    await layer.groupAdd("g", "thumbnails-generate");
    await nodes[1]!.crash();
    // One that is on its way when the host dies is told so, and isn't sent elsewhere.
    const send = () => layer.groupSend("g", { type: "a", n: 1 });
    await send().catch(send);
    assertEquals((await layer.receive("thumbnails-generate"))["n"], 1);
    await nodes[2]!.crash();
    await assertRejects(() => layer.groupSend("g", { type: "a" }), LayerUnavailableError);
  });

  Deno.test("RedisChannelLayer: groupSend() says that it may be sent if the host of one member is lost", async () => {
    await using trouble = await startTrouble();
    const { nodes, layer, changes } = trouble;
    // The name of the group is host 2's, the channels are on all three.
    for (let n = 0; n < 20; n++) await layer.groupAdd("g", layer.newChannel(`answers-${n}`));
    await nodes[1]!.crash();
    await layer.receiveMany("others", { limit: 1, wait: false }); // So it sees what has happened.
    await until("the loss is told", () => changes.length > 0);
    const error = await assertRejects(
      () => layer.groupSend("g", { type: "a" }),
      LayerUnavailableError,
      "the message may have been sent",
    );
    assertEquals(error.outcomeUnknown, true);
    assertNotEquals(await nodes[0]!.cli("DBSIZE"), "0");
  });

  Deno.test("RedisChannelLayer: one of three hosts freezes, and the layer goes on with the others", async () => {
    await using trouble = await startTrouble();
    const { nodes, layer, changes } = trouble;
    nodes[0]!.freeze();
    // What is sent to it fails, and may be there; what is sent to the others arrives.
    const sent = await Promise.allSettled(
      range(0, 6).map((n) => layer.send(`letters-${n}`, { type: "a", n })),
    );
    const arrived = sent.flatMap(({ status }, n) => status === "fulfilled" ? [n] : []);
    assertEquals(arrived.length, 4);
    for (const n of arrived) assertEquals((await layer.receive(`letters-${n}`))["n"], n);
    await until("the loss is told", () => changes.length > 0);
    await sendNumbers(layer, 10, 6);
    assertEquals(await receiveNumbers(layer, 6), range(10, 6));
    nodes[0]!.thaw();
    await until("the return is told", () => changes.length > 1);
    await sendNumbers(layer, 20, 6);
    assertEquals(await receiveNumbers(layer, 6), range(20, 6));
    assertEquals(changes, ["lost 0", "back 0"]);
  });

  Deno.test("RedisChannelLayer: a host that refuses to write is as good as lost", async () => {
    await using trouble = await startTrouble();
    const { nodes, layer, changes } = trouble;
    const receiving = receiveNumbers(layer, 12);
    await nodes[0]!.cli("REPLICAOF", nodes[1]!.at.split(":")[0]!, `${nodes[1]!.port}`);
    await until("the loss is told", () => changes.length > 0);
    await sendNumbers(layer, 0, 12);
    assertEquals(await receiving, range(0, 12));
    await nodes[0]!.cli("REPLICAOF", "NO", "ONE");
    await until("the return is told", () => changes.length > 1);
    await nodes[0]!.cli("FLUSHALL");
    await sendNumbers(layer, 12, 12);
    assertEquals(await receiveNumbers(layer, 12), range(12, 12));
    assertEquals(changes, ["lost 0", "back 0"]);
  });

  Deno.test("RedisChannelLayer: an onHostChange that throws is no trouble of the layer's", async () => {
    await using nodes = await startAll(2, startNode);
    const hosts = nodes.all.map(({ at }) => `redis://${at}`);
    const { promise: called, resolve } = Promise.withResolvers<void>();
    const onHostChange = () => {
      resolve();
      throw new Error("on purpose");
    };
    await using layer = new RedisChannelLayer({ hosts, onHostChange });
    await nodes.all[0]!.crash();
    await layer.send("first", { type: "a" });
    await sendNumbers(layer, 0, 4);
    await called;
    assertEquals(await receiveNumbers(layer, 4), range(0, 4));
  });

  Deno.test("RedisChannelLayer: without any host it is unavailable", async () => {
    await using trouble = await startTrouble();
    const { nodes, layer, changes } = trouble;
    await Promise.all(nodes.map((node) => node.crash()));
    await assertRejects(() => layer.receive("letters"), LayerUnavailableError);
    await assertRejects(() => layer.send("letters", { type: "a" }), LayerUnavailableError);
    await assertRejects(() => layer.groupSend("g", { type: "a" }), LayerUnavailableError);
    await until("all losses are told", () => changes.length === 3);
  });

  Deno.test("runworker: it says once that all hosts are lost, and once that they are back", async () => {
    await using trouble = await startTrouble();
    const { nodes, hosts } = trouble;
    const layer = `redis://${nodes.map(({ at }) => at).join()}`;
    await using worker = await startWorker(["letters", "others", "--layer", layer]);
    await Promise.all(nodes.map((node) => node.crash()));
    await worker.stderr.until("retrying");
    await using _back = await startAllAt(nodes);
    await worker.stderr.until("Reconnected to");
    await using sender = new RedisChannelLayer({ hosts });
    for (let id = 0; id < 6; id++) await sender.send("letters", { type: "record", id });
    await worker.stdout.count(6);
    const lines = worker.stderr.all;
    assertEquals(lines.filter((line) => line.includes("retrying")).length, 1);
    assertEquals(lines.filter((line) => line.includes("Reconnected to")).length, 1);
  });
});

async function startAllAt(nodes: readonly Node[]): Promise<AsyncDisposable> {
  const ports = nodes.map(({ port }) => port);
  return await startAll(nodes.length, () => startNode({ port: ports.pop()! }));
}
