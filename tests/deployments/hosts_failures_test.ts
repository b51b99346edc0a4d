import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { LayerUnavailableError } from "@asgi/channels";
import { type HostChange, RedisChannelLayer } from "@asgi/channels/layers/redis";
import { startWorkerProcess } from "../helpers/program.ts";
import { type Node, startNode, testWithRedis } from "../helpers/redis.ts";
import { until } from "../helpers/waiting.ts";
import { startAll } from "./helpers/conformance.ts";
import { receiveNumbers, sendNumbers } from "./helpers/numbers.ts";
import { range } from "../helpers/events.ts";

interface Hosts extends AsyncDisposable {
  readonly nodes: readonly Node[];
  readonly hosts: readonly string[];
  readonly layer: RedisChannelLayer;
  /** The calls of `onHostChange`, such as `"lost 2"`. */
  readonly changes: string[];
}

/** Starts three hosts, and a layer that is connected to all of them. */
async function startHosts(): Promise<Hosts> {
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

testWithRedis("RedisChannelLayer with lost hosts", () => {
  Deno.test("RedisChannelLayer: one of three hosts fails, and the layer keeps using the others", async () => {
    await using setup = await startHosts();
    const { nodes, layer, changes } = setup;
    const receiving = receiveNumbers(layer, 30);
    await nodes[1]!.crash();
    await until("the loss is reported", () => changes.length > 0);
    await sendNumbers(layer, 0, 30);
    assertEquals(await receiving, range(30));
    assertEquals(changes, ["lost 1"]);

    await using back = await startNode({ port: nodes[1]!.port });
    await until("the return is reported", () => changes.length > 1);
    await sendNumbers(layer, 30, 30);
    assertEquals(await back.cli("ZCARD", "asgiletters"), "10");
    assertEquals(await receiveNumbers(layer, 30), range(30, 30));
    assertEquals(changes, ["lost 1", "back 1"]);
  });

  Deno.test("RedisChannelLayer: sends skip a host that failed while the layer was idle", async () => {
    await using setup = await startHosts();
    const { nodes, layer, changes } = setup;
    await nodes[2]!.crash();
    for (let n = 0; n < 3; n++) await layer.send("first", { type: "a" }).catch(() => {});
    await sendNumbers(layer, 0, 12);
    assertEquals(await receiveNumbers(layer, 12), range(12));
    assertEquals(changes, ["lost 2"]);
  });

  Deno.test("RedisChannelLayer: messages of a host that failed are requeued on another one", async () => {
    await using setup = await startHosts();
    const { nodes, layer, changes } = setup;
    await sendNumbers(layer, 0, 3);
    const taken = [];
    while (taken.length < 3) taken.push(...await layer.receiveMany("letters", { limit: 3 }));
    await nodes[1]!.crash();
    await layer.receiveMany("others", { limit: 1, wait: false }); // So it sees what has happened.
    await until("the loss is reported", () => changes.length > 0);
    await layer.requeue(taken);
    assertEquals(await receiveNumbers(layer, 3), [0, 1, 2]);
  });

  Deno.test("RedisChannelLayer: groups skip a failed host that holds none of their names", async () => {
    await using setup = await startHosts();
    const { nodes, layer } = setup;
    // The name of the group is host 2's, that of the channel host 1's.
    await layer.groupAdd("g", "thumbnails-generate");
    await nodes[1]!.crash();
    // A send in flight when the host fails rejects, and isn't sent elsewhere.
    const send = () => layer.groupSend("g", { type: "a", n: 1 });
    await send().catch(send);
    assertEquals((await layer.receive("thumbnails-generate"))["n"], 1);
    await nodes[2]!.crash();
    await assertRejects(() => layer.groupSend("g", { type: "a" }), LayerUnavailableError);
  });

  Deno.test("RedisChannelLayer: groupSend() says that the message may have been sent if the host of one member is lost", async () => {
    await using setup = await startHosts();
    const { nodes, layer, changes } = setup;
    // The name of the group is host 2's, the channels are on all three.
    for (let n = 0; n < 20; n++) await layer.groupAdd("g", layer.newChannel(`answers-${n}`));
    await nodes[1]!.crash();
    await layer.receiveMany("others", { limit: 1, wait: false }); // So it sees what has happened.
    await until("the loss is reported", () => changes.length > 0);
    const error = await assertRejects(
      () => layer.groupSend("g", { type: "a" }),
      LayerUnavailableError,
      "the message may have been sent",
    );
    assertEquals(error.outcomeUnknown, true);
    assertNotEquals(await nodes[0]!.cli("DBSIZE"), "0");
  });

  Deno.test("RedisChannelLayer: one of three hosts freezes, and the layer keeps using the others", async () => {
    await using setup = await startHosts();
    const { nodes, layer, changes } = setup;
    nodes[0]!.freeze();
    // What is sent to it fails, and may be there; what is sent to the others arrives.
    const sent = await Promise.allSettled(
      range(6).map((n) => layer.send(`letters-${n}`, { type: "a", n })),
    );
    const arrived = sent.flatMap(({ status }, n) => status === "fulfilled" ? [n] : []);
    assertEquals(arrived.length, 4);
    for (const n of arrived) assertEquals((await layer.receive(`letters-${n}`))["n"], n);
    await until("the loss is reported", () => changes.length > 0);
    await sendNumbers(layer, 10, 6);
    assertEquals(await receiveNumbers(layer, 6), range(6, 10));
    nodes[0]!.thaw();
    await until("the return is reported", () => changes.length > 1);
    await sendNumbers(layer, 20, 6);
    assertEquals(await receiveNumbers(layer, 6), range(6, 20));
    assertEquals(changes, ["lost 0", "back 0"]);
  });

  Deno.test("RedisChannelLayer: a read-only host counts as lost", async () => {
    await using setup = await startHosts();
    const { nodes, layer, changes } = setup;
    const receiving = receiveNumbers(layer, 12);
    await nodes[0]!.cli("REPLICAOF", nodes[1]!.at.split(":")[0]!, `${nodes[1]!.port}`);
    await until("the loss is reported", () => changes.length > 0);
    await sendNumbers(layer, 0, 12);
    assertEquals(await receiving, range(12));
    await nodes[0]!.cli("REPLICAOF", "NO", "ONE");
    await until("the return is reported", () => changes.length > 1);
    await nodes[0]!.cli("FLUSHALL");
    await sendNumbers(layer, 12, 12);
    assertEquals(await receiveNumbers(layer, 12), range(12, 12));
    assertEquals(changes, ["lost 0", "back 0"]);
  });

  Deno.test("RedisChannelLayer: an onHostChange that throws doesn't affect the layer", async () => {
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
    assertEquals(await receiveNumbers(layer, 4), range(4));
  });

  Deno.test("RedisChannelLayer: without any host it is unavailable", async () => {
    await using setup = await startHosts();
    const { nodes, layer, changes } = setup;
    await Promise.all(nodes.map((node) => node.crash()));
    await assertRejects(() => layer.receive("letters"), LayerUnavailableError);
    await assertRejects(() => layer.send("letters", { type: "a" }), LayerUnavailableError);
    await assertRejects(() => layer.groupSend("g", { type: "a" }), LayerUnavailableError);
    await until("all losses are reported", () => changes.length === 3);
  });

  Deno.test("runworker: logs once that all hosts are lost, and once that they are reachable again", async () => {
    await using setup = await startHosts();
    const { nodes, hosts } = setup;
    const layer = `redis://${nodes.map(({ at }) => at).join()}`;
    await using worker = await startWorkerProcess(["letters", "others", "--layer", layer]);
    await Promise.all(nodes.map((node) => node.crash()));
    await worker.stderr.until("retrying");
    await using _back = await startAllAt(nodes);
    await worker.stderr.until("info  Reconnected to");
    await using sender = new RedisChannelLayer({ hosts });
    for (let id = 0; id < 6; id++) await sender.send("letters", { type: "record", id });
    await worker.stdout.count(6);
    const lines = worker.stderr.all;
    assertEquals(lines.filter((line) => line.includes("retrying")).length, 1);
    // The layer warns of each host as well.
    assertEquals(lines.filter((line) => /info +Reconnected to/.test(line)).length, 1);
  });
});

async function startAllAt(nodes: readonly Node[]): Promise<AsyncDisposable> {
  const ports = nodes.map(({ port }) => port);
  return await startAll(nodes.length, () => startNode({ port: ports.pop()! }));
}
