import { assertEquals } from "@std/assert";
import {
  AsyncJsonWebsocketConsumer,
  configureChannelLayers,
  ProtocolTypeRouter,
  RedisChannelLayer,
  serve,
} from "@asgi/channels";
import { startProgram } from "../helpers/program.ts";
import { type RedisServer, untilBlocked } from "../helpers/redis.ts";
import { until, within } from "../helpers/waiting.ts";
import { ANNOUNCEMENT } from "./app.ts";
import { startDaphne, startPeer, startSite, testWithPython } from "./python.ts";

const APP = new URL("app.ts", import.meta.url).href;

/** The name of the layer of the Deno server. */
const ALIAS = "sockets";

/** The announcement as Python writes its values: an integer of 64 bits, a float, bytes. */
const ANNOUNCEMENT_IN_PYTHON = {
  type: "'announcement'",
  text: "'Grüße 😀'",
  id: "1152921504606846976",
  ratio: "0.5",
  zero: "-0.0",
  bytes: String.raw`b'\x00\xff'`,
  nothing: "None",
  list: "[1, True, {'inner': {}}]",
};

/** Writes an event so that the types of its values can be told: `2n`, `-0`, `Uint8Array(2) [ 0, 255 ]`. */
function textOf(event: unknown): string {
  return Deno.inspect(event, { depth: Infinity, breakLength: Infinity, sorted: true });
}

interface Question {
  readonly channel: string;
  readonly question: string;
}

/** `RoomConsumer` of `site/peer/consumers.py`, in TypeScript. */
class RoomConsumer extends AsyncJsonWebsocketConsumer<Question> {
  static override readonly groups = ["room"];
  static override readonly channelLayerAlias = ALIAS;

  /** Sends a question to a channel; the answer arrives on this consumer's own channel. */
  override async receiveJson({ channel, question }: Question) {
    const event = { type: "question", question, reply_to: this.channelName };
    await this.channelLayer.send(channel, event);
  }

  async answer(event: { readonly type: "answer"; readonly answer: string }) {
    await this.sendJson(event.answer);
  }

  async announcement(event: typeof ANNOUNCEMENT) {
    await this.send(textOf(event));
  }
}

/** Starts a Deno server on a free port, and returns the URL of its WebSockets. */
async function startDenoSite(layer: RedisChannelLayer): Promise<{ url: string } & AsyncDisposable> {
  configureChannelLayers({ [ALIAS]: layer });
  const stop = new AbortController();
  const listening = Promise.withResolvers<number>();
  const serving = serve(ProtocolTypeRouter({ websocket: RoomConsumer.asAsgi() }), {
    port: 0,
    hostname: "127.0.0.1",
    signal: stop.signal,
    onListen: ({ port }) => listening.resolve(port),
  });
  const port = await listening.promise;
  const dispose = async () => {
    stop.abort();
    await serving;
    configureChannelLayers({});
  };
  return { url: `ws://127.0.0.1:${port}/`, [Symbol.asyncDispose]: dispose };
}

/** A client of a WebSocket. */
interface Client extends AsyncDisposable {
  send(content: unknown): void;
  /** Waits until it has received so many messages, and returns all. */
  received(count: number): Promise<string[]>;
}

async function connect(url: string): Promise<Client> {
  const messages: string[] = [];
  const socket = new WebSocket(url);
  const opened = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  socket.onopen = () => opened.resolve();
  socket.onclose = ({ code }) => {
    opened.reject(new Error(`The connection was closed with ${code}`));
    closed.resolve();
  };
  socket.onmessage = ({ data }) => messages.push(data);
  await opened.promise;
  return {
    send: (content) => socket.send(JSON.stringify(content)),
    async received(count) {
      await until(`${count} messages arrive`, () => messages.length >= count);
      return messages;
    },
    async [Symbol.asyncDispose]() {
      socket.close();
      await within(closed.promise, "the end of the connection", 30_000);
    },
  };
}

async function untilRoomHas(members: number, redis: RedisServer): Promise<void> {
  await until(
    `the group has ${members} members`,
    async () => await redis.cli("ZCARD", "asgi:group:room") === `${members}`,
  );
}

/** Starts a server and a worker of each side. */
async function startAll(redis: RedisServer, stack: AsyncDisposableStack) {
  const layer = stack.use(new RedisChannelLayer({ url: redis.url }));
  const peer = stack.use(startPeer(redis));
  const args = ["runworker", "deno", "--app", APP, "--layer", redis.url];
  const worker = stack.use(startProgram(args));
  stack.use(startSite(redis, ["runworker", "python"]));
  const deno = stack.use(await startDenoSite(layer));
  const daphne = stack.use(await startDaphne(redis));
  await worker.stderr.until("Listening on");
  await untilBlocked(redis, 2);
  return { layer, peer, deno, daphne };
}

async function testSockets(t: Deno.TestContext, redis: RedisServer): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const { layer, peer, deno, daphne } = await startAll(redis, stack);
  const inDeno = (number: number) => textOf({ ...ANNOUNCEMENT, number });
  const inPython = (number: number) => ({ ...ANNOUNCEMENT_IN_PYTHON, number: `${number}` });
  const announceByDjango = (number: number) => peer.call({}, "announce", "room", number);
  const announceByWorker = (number: number) =>
    layer.send("deno", { type: "announce", group: "room", number });

  await t.step("group_send() of Django reaches a WebSocket of a Deno server", async () => {
    await using client = await connect(deno.url);
    await announceByDjango(1);
    assertEquals(await client.received(1), [inDeno(1)]);
  });

  await t.step("groupSend() of a Deno worker reaches a WebSocket of Daphne", async () => {
    await using client = await connect(daphne.url);
    await announceByWorker(2);
    assertEquals((await client.received(1)).map((text) => JSON.parse(text)), [inPython(2)]);
  });

  await t.step("the members of a group on both servers receive each event once", async () => {
    await using clients = new AsyncDisposableStack();
    const open = async (url: string) => clients.use(await connect(url));
    const ofDeno = [await open(deno.url), await open(deno.url)];
    const ofDaphne = [await open(daphne.url), await open(daphne.url)];
    for (const number of [3, 4]) {
      await announceByDjango(number);
      await Promise.all([...ofDeno, ...ofDaphne].map((client) => client.received(number - 2)));
    }
    await announceByWorker(5);
    for (const client of ofDeno) assertEquals(await client.received(3), [3, 4, 5].map(inDeno));
    for (const client of ofDaphne) {
      const texts = await client.received(3);
      assertEquals(texts.map((text) => JSON.parse(text)), [3, 4, 5].map(inPython));
    }
  });

  await t.step("a Deno worker replies to the own channel of a WebSocket of Daphne", async () => {
    await using client = await connect(daphne.url);
    client.send({ channel: "deno", question: "a question of Daphne" });
    assertEquals(await client.received(1), ['"Deno to a question of Daphne"']);
  });

  await t.step("a Django worker replies to the own channel of a WebSocket of Deno", async () => {
    await using client = await connect(deno.url);
    client.send({ channel: "python", question: "a question of Deno" });
    assertEquals(await client.received(1), ['"Python to a question of Deno"']);
  });

  await t.step("closed WebSockets of both servers have left the group", async () => {
    for (const { url } of [deno, daphne]) {
      await using _client = await connect(url);
      await untilRoomHas(1, redis);
    }
    await untilRoomHas(0, redis);
  });
}

testWithPython("WebSockets of Deno and of Daphne are in the same groups", testSockets, ["daphne"]);
