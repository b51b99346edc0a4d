import { assertEquals, assertRejects } from "@std/assert";
import { LayerUnavailableError, RedisChannelLayer } from "@asgi/channels";
import { FIXTURE_APP, startProgram, startWorkerProcess } from "../helpers/program.ts";
import { clientsOf, type Node, startNode, testWithRedis } from "../helpers/redis.ts";
import { freePort } from "../helpers/network.ts";
import { until } from "../helpers/waiting.ts";
import { startCluster } from "./helpers/cluster.ts";
import { sharedServers } from "./helpers/conformance.ts";
import { range } from "../helpers/events.ts";

const EVENT = { type: "test.event", n: 1 };

testWithRedis("RedisChannelLayer in a cluster", () => {
  const servers = sharedServers(() => startCluster());

  Deno.test("RedisChannelLayer: channels and groups work whatever their slots", async () => {
    await using layer = new RedisChannelLayer({ url: servers().url, prefix: "slots" });
    const channels = range(30).map((n) => `letters-${n}`);
    const waiting = channels.map((channel) => layer.receive(channel));
    for (const channel of channels) await layer.groupAdd("readers", channel);
    await layer.groupSend("readers", EVENT);
    assertEquals(await Promise.all(waiting), channels.map(() => EVENT));
    for (const channel of channels) await layer.send(channel, EVENT);
    const sizes = await Promise.all(servers().masters.map((node) => node.cli("DBSIZE")));
    assertEquals(sizes.filter((size) => size === "0"), [], "Nothing is on one of the masters");
    await layer.flush();
    for (const node of servers().masters) assertEquals(await node.cli("KEYS", "slots*"), "");
  });

  Deno.test("RedisChannelLayer: a prefix with a hash tag keeps all its keys on one master", async () => {
    await using layer = new RedisChannelLayer({ url: servers().url, prefix: "{events}." });
    for (let n = 0; n < 10; n++) await layer.send(`letters-${n}`, EVENT);
    await layer.groupAdd("readers", "letters-1");
    const found = await Promise.all(servers().masters.map((node) => node.cli("KEYS", "{events}*")));
    assertEquals(found.filter((keys) => keys !== "").length, 1);
    const waiting = layer.receive("letters-x");
    await layer.send("letters-x", EVENT);
    assertEquals(await waiting, EVENT);
    assertEquals(await layer.receive("letters-3"), EVENT);
  });

  Deno.test("RedisChannelLayer: in a cluster each channel that is received from has a connection", async () => {
    await using own = await startCluster();
    const layer = new RedisChannelLayer({ url: own.url });
    await layer.send("letters-0", EVENT);
    assertEquals(await connections(own.masters), 1);
    const channels = range(12).map((n) => `quiet-${n}`);
    const waiting = channels.map((channel) => layer.receive(channel).catch(() => {}));
    await until("all wait", async () => await blocked(own.masters) === 12);
    // One for each channel, and one to each master for sending.
    for (const channel of channels) await layer.groupDiscard(channel, channel);
    assertEquals(await connections(own.masters), 12 + 3);
    await layer.close();
    await Promise.all(waiting);
    await until("they have gone", async () => await connections(own.masters) === 0);
  });

  Deno.test("RedisChannelLayer: in a cluster a channel that is no longer received from has no connection", async () => {
    await using own = await startCluster();
    await using layer = new RedisChannelLayer({ url: own.url });
    const channels = range(20).map((n) => `reply-${n}`);
    for (const channel of channels) {
      await layer.send(channel, EVENT);
      await layer.receive(channel);
    }
    // What is left is one to each master for sending.
    await until("their connections are closed", async () => await connections(own.masters) <= 3);
    await layer.send("reply-1", EVENT);
    assertEquals(await layer.receive("reply-1"), EVENT);
  });

  Deno.test("RedisChannelLayer: one master without a replica fails, and the channels of the others keep working", async () => {
    await using own = await startCluster();
    const [dying] = own.masters;
    const names = range(30).map((n) => `letters-${n}`);
    const isTheirs = await Promise.all(
      names.map(async (name) => await own.masterOf(`asgi${name}`) !== dying),
    );
    const lost = names.find((_, n) => !isTheirs[n])!;
    const kept = names.filter((_, n) => isTheirs[n]).slice(0, 5);
    await using layer = new RedisChannelLayer({ url: own.url });
    const waiting = assertRejects(() => layer.receive(lost), LayerUnavailableError);
    await until("it waits", async () => await blocked(own.masters) === 1);
    await dying!.crash();
    await waiting;
    for (const channel of kept) {
      await until("the send succeeds", () => layer.send(channel, EVENT).then(() => true));
      assertEquals(await layer.receive(channel), EVENT);
    }
    await assertRejects(() => layer.send(lost, EVENT), LayerUnavailableError);
  });

  Deno.test("runworker: waits for a cluster that has not started yet", async () => {
    const port = freePort();
    const url = `redis+cluster://127.0.0.1:${port}`;
    await using worker = startProgram(["runworker", "a", "--app", FIXTURE_APP, "--layer", url]);
    await worker.stderr.until("connection refused");
    await using node = await startNode({ port, args: ["--cluster-enabled", "yes"] });
    await node.cli("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
    await worker.stderr.until("Listening on");
  });

  Deno.test("runworker: exits with status 1 if the server is not a cluster, with one line", async () => {
    await using node = await startNode();
    const url = `redis+cluster://${node.at}`;
    await using worker = startProgram(["runworker", "a", "--app", FIXTURE_APP, "--layer", url]);
    assertEquals(await worker.end, 1);
    assertEquals(worker.stderr.all.length, 2, worker.stderr.all.join("\n"));
    assertEquals(
      worker.stderr.all[0]!.includes("is not part of a cluster"),
      true,
      worker.stderr.all[0],
    );
  });

  Deno.test("runworker: exits with status 1 if the server belongs to a cluster, with one line", async () => {
    const url = `redis://${servers().masters[0]!.at}`;
    await using worker = startProgram([
      "runworker",
      "a",
      "b",
      "--app",
      FIXTURE_APP,
      "--layer",
      url,
    ]);
    assertEquals(await worker.end, 1);
    assertEquals(worker.stderr.all.length, 2, worker.stderr.all.join("\n"));
    assertEquals(worker.stderr.all[0]!.includes("redis+cluster://"), true, worker.stderr.all[0]);
  });

  Deno.test("runworker: in a cluster it handles the events of all its channels", async () => {
    const { url } = servers();
    const channels = ["one", "two", "three", "four"];
    await using worker = await startWorkerProcess([...channels, "--layer", `${url}?prefix=cli`]);
    await using layer = new RedisChannelLayer({ url, prefix: "cli" });
    for (const channel of channels) await layer.send(channel, { type: "tell_channel" });
    await worker.stdout.count(4);
    assertEquals(worker.stdout.all.toSorted(), channels.toSorted());
  });
});

async function connections(nodes: readonly Node[]): Promise<number> {
  const lines = (await Promise.all(nodes.map(answeredClients))).flat();
  // The members of the cluster aren't clients.
  return lines.length;
}

function answeredClients(node: Node): Promise<string[]> {
  return clientsOf(node).catch(() => []);
}

async function blocked(nodes: readonly Node[]): Promise<number> {
  const lines = (await Promise.all(nodes.map(answeredClients))).flat();
  return lines.filter((line) => line.includes("cmd=bzpopmin")).length;
}
