import { assertEquals, assertLess, assertRejects } from "@std/assert";
import {
  type ChannelLayer,
  closeChannelLayers,
  configureChannelLayers,
  LayerUnavailableError,
  RedisChannelLayer,
  type Subscription,
} from "@asgi/channels";
import { ApplicationCommunicator } from "@asgi/channels/testing";
import { scope } from "../helpers/applications.ts";
import { event, range } from "../helpers/events.ts";
import { type Node, startNode, startRedis, testWithRedis } from "../helpers/redis.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { until, within } from "../helpers/waiting.ts";
import { channelOf, LetterConsumer } from "../consumers/letter_consumer.ts";

const DURABLE = ["--appendonly", "yes", "--appendfsync", "always"];

/** Returns the number of members of a group. */
async function membersOf(server: Pick<Node, "cli">, group: string): Promise<number> {
  return Number(await server.cli("ZCARD", `asgi:group:${group}`));
}

/** Sends to a group until a subscription receives from it. */
async function untilReceived(
  layer: ChannelLayer,
  group: string,
  subscription: Subscription,
): Promise<void> {
  const next = subscription[Symbol.asyncIterator]().next();
  let isReceived = false;
  const received = next.then(() => isReceived = true);
  await until(`a message to ${group} arrives`, async () => {
    await layer.groupSend(group, event(1)).catch(() => {});
    return isReceived;
  });
  await received;
}

testWithRedis("RedisChannelLayer: subscriptions", () => {
  Deno.test("RedisChannelLayer: a waiting subscription rejoins a Redis that has lost its data", async () => {
    const first = await startNode();
    await using layer = new RedisChannelLayer({ url: `redis://${first.at}` });
    await using subscription = await layer.subscribe(["readers", "writers"]);
    const next = subscription[Symbol.asyncIterator]().next();
    await first.crash();
    await first[Symbol.asyncDispose]();
    await using again = await startNode({ port: first.port });
    await until(
      "it has joined",
      async () =>
        await membersOf(again, "readers") === 1 && await membersOf(again, "writers") === 1,
    );
    await layer.groupSend("writers", event(7));
    const { value } = await within(next, "the message");
    assertEquals(value, event(7));
  });

  Deno.test("RedisChannelLayer: a subscription that isn't waiting rejoins a Redis that has lost its data", async () => {
    const first = await startNode();
    await using layer = new RedisChannelLayer({ url: `redis://${first.at}` });
    await using subscription = await layer.subscribe("readers");
    await first.crash();
    await first[Symbol.asyncDispose]();
    await using again = await startNode({ port: first.port });
    await until("a send succeeds", () => layer.send("letters", event(1)).then(() => true));
    await until("it has joined", async () => await membersOf(again, "readers") === 1);
    await untilReceived(layer, "readers", subscription);
  });

  Deno.test("RedisChannelLayer: a subscription rejoins one of several hosts that has lost its data", async () => {
    const [first, other] = await Promise.all([startNode(), startNode()]);
    await using _other = other;
    const hosts = [`redis://${first.at}`, `redis://${other.at}`];
    await using layer = new RedisChannelLayer({ hosts, onHostChange: () => {} });
    const groups = range(8).map((n) => `room-${n}`);
    await using subscription = await layer.subscribe(groups);
    const next = subscription[Symbol.asyncIterator]().next();
    await first.crash();
    await first[Symbol.asyncDispose]();
    await using again = await startNode({ port: first.port });
    await until("it is in all groups", async () => {
      const counts = await Promise.all(
        groups.flatMap((group) => [membersOf(again, group), membersOf(other, group)]),
      );
      return counts.reduce((sum, count) => sum + count, 0) === groups.length;
    });
    await subscription[Symbol.asyncDispose]();
    assertEquals((await next).done, true);
  });

  Deno.test("RedisChannelLayer: a consumer rejoins a Redis that has lost its data, and leaves it", async () => {
    const first = await startNode();
    await using layer = new RedisChannelLayer({ url: `redis://${first.at}` });
    configureChannelLayers({ default: layer });
    await using communicator = new ApplicationCommunicator(LetterConsumer.asAsgi(), scope);
    await communicator.sendInput({ type: "group.join", group: "readers" });
    assertEquals(await communicator.receiveOutput(), { type: "joined" });
    await first.crash();
    await first[Symbol.asyncDispose]();
    await using again = await startNode({ port: first.port });
    await until("it has joined", async () => await membersOf(again, "readers") === 1);
    await layer.groupSend("readers", { type: "letter.sent", text: "Hello" });
    assertEquals(await communicator.receiveOutput({ timeout: 20_000 }), {
      type: "read",
      text: "Hello",
    });
    await communicator.stop();
    assertEquals(await membersOf(again, "readers"), 0);
    await closeChannelLayers();
    configureChannelLayers({});
  });

  Deno.test("RedisChannelLayer: subscribe() rejects while Redis is unreachable, and joins nothing later", async () => {
    const first = await startNode();
    await using layer = new RedisChannelLayer({ url: `redis://${first.at}` });
    await layer.send("letters", event(1));
    await first.crash();
    await first[Symbol.asyncDispose]();
    await assertRejects(() => layer.subscribe("readers"), LayerUnavailableError);
    await using again = await startNode({ port: first.port });
    await using _live = await layer.subscribe("others");
    assertEquals(await membersOf(again, "readers"), 0);
  });

  Deno.test("RedisChannelLayer: a subscription that ends while Redis is down leaves its group later", async () => {
    await using folder = await temporaryFolder();
    const args = ["--dir", folder.path, ...DURABLE];
    const first = await startNode({ args });
    await using layer = new RedisChannelLayer({ url: `redis://${first.at}` });
    await using _stays = await layer.subscribe("readers");
    const ending = await layer.subscribe("readers");
    // Redis keeps its data: nothing else would add this channel again.
    await layer.groupAdd("readers", "letters");
    await first.crash();
    await first[Symbol.asyncDispose]();
    await ending[Symbol.asyncDispose]();
    await using again = await startNode({ port: first.port, args });
    await until("only it has left", async () => await membersOf(again, "readers") === 2);
  });

  Deno.test("RedisChannelLayer: a subscription ends while Redis is frozen", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url });
    const subscription = await layer.subscribe("readers");
    server.kill("SIGSTOP");
    const start = performance.now();
    await subscription[Symbol.asyncDispose]();
    // A command would wait for its reply for 5 s.
    assertLess(performance.now() - start, 4_000);
    server.kill("SIGCONT");
    await until("it has left", async () => await membersOf(server, "readers") === 0);
  });

  Deno.test("RedisChannelLayer: 1,000 subscriptions that come and go leave no key behind", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url });
    for (let round = 0; round < 10; round++) {
      const subscriptions = await Promise.all(
        range(100).map((n) => layer.subscribe(["readers", `room-${n % 7}`])),
      );
      assertEquals(await membersOf(server, "readers"), 100);
      await Promise.all(subscriptions.map((one) => one[Symbol.asyncDispose]()));
    }
    assertEquals(await server.cli("KEYS", "*"), "");
  });

  Deno.test("RedisChannelLayer: consumers that fail leave their groups before their application ends", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url });
    configureChannelLayers({ default: layer });
    for (const type of ["stop", "fail"]) {
      await using communicator = new ApplicationCommunicator(LetterConsumer.asAsgi(), scope);
      await communicator.sendInput({ type: "group.join", group: "readers" });
      await communicator.receiveOutput();
      await layer.send(await channelOf(communicator) as `${string}!${string}`, { type });
      await communicator.wait().catch(() => {});
      assertEquals(await membersOf(server, "readers"), 0, type);
    }
    await closeChannelLayers();
    configureChannelLayers({});
  });
});
