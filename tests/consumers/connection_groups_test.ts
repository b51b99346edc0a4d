import { assertEquals, assertRejects } from "@std/assert";
import {
  AsyncHttpConsumer,
  AsyncWebsocketConsumer,
  type Drop,
  LayerUnavailableError,
  MemoryChannelLayer,
  type Message,
  type ReceiveOptions,
  StopConsumer,
  UndecodableMessageError,
} from "@asgi/channels";
import { HttpCommunicator, WebsocketCommunicator } from "@asgi/channels/testing";
import { ForwardingLayer, useMemoryLayer } from "../helpers/layers.ts";
import { until } from "../helpers/waiting.ts";
import { collectLayerWarnings } from "../helpers/warnings.ts";

/** Notes memberships, and reports what is dropped. */
class WatchedLayer extends ForwardingLayer {
  readonly drops: Drop[];
  readonly members = new Set<string>();
  isUnavailable = false;

  constructor() {
    const drops: Drop[] = [];
    super(new MemoryChannelLayer({ onDrop: (drop) => drops.push(drop) }));
    this.drops = drops;
  }

  override async groupAdd(group: string, channel: string) {
    this.members.add(group);
    if (this.isUnavailable) {
      throw new LayerUnavailableError({ layer: this.url, reason: "test", outcomeUnknown: false });
    }
    await super.groupAdd(group, channel);
  }

  override async groupDiscard(group: string, channel: string) {
    await super.groupDiscard(group, channel);
    this.members.delete(group);
  }
}

function useWatchedLayer() {
  const watched = new WatchedLayer();
  return { watched, ...useMemoryLayer(() => watched) };
}

class RoomConsumer extends AsyncWebsocketConsumer {
  override get groups() {
    return [`room.${this.scope.params.room}`, "rooms", "rooms"];
  }

  override async receive(text: string) {
    if (text === "fail") throw new RangeError("No stamp");
    if (text === "stop") throw new StopConsumer();
    await this.channelLayer.groupSend("rooms", { type: "chat.message", text });
  }

  async chat_message(event: { type: "chat.message"; text: string }) {
    if (event.text === "fail in handler") throw new RangeError("No stamp");
    await this.send(event.text);
  }

  /** A name that servers use; Channels' consumers override it. */
  async websocket_disconnect(event: { type: "websocket.disconnect" }) {
    await this.send(event.type);
  }

  _hidden() {
    throw new RangeError("Not expected to be called");
  }
}

const options = { params: { room: "a" } };

Deno.test("groups of a connection are joined before it is accepted", async () => {
  await using test = useWatchedLayer();
  let joined: string[] = [];
  class EarlyConsumer extends RoomConsumer {
    override async connect() {
      joined = [...test.watched.members];
      await this.accept();
    }
  }
  await using communicator = new WebsocketCommunicator(EarlyConsumer.asAsgi(), "/", options);
  await communicator.connect();
  assertEquals(joined, ["room.a", "rooms"]);
});

Deno.test("an event that is sent to a group as soon as a client is accepted arrives", async () => {
  await using test = useMemoryLayer();
  await using communicator = new WebsocketCommunicator(RoomConsumer.asAsgi(), "/", options);
  await communicator.connect();
  await test.layer.groupSend("room.a", { type: "chat.message", text: "Hello" });
  assertEquals(await communicator.receiveFrom(), "Hello");
});

Deno.test("a message to a group reaches all its connections", async () => {
  await using _test = useMemoryLayer();
  await using one = new WebsocketCommunicator(RoomConsumer.asAsgi(), "/", options);
  await using other = new WebsocketCommunicator(RoomConsumer.asAsgi(), "/", options);
  await one.connect();
  await other.connect();
  await one.sendTo("Hello");
  assertEquals([await one.receiveFrom(), await other.receiveFrom()], ["Hello", "Hello"]);
});

for (const end of ["fail", "stop", "fail in handler"]) {
  Deno.test(`groups are left if the consumer ends by ${JSON.stringify(end)}`, async () => {
    await using test = useWatchedLayer();
    await using communicator = new WebsocketCommunicator(RoomConsumer.asAsgi(), "/", options);
    await communicator.connect();
    await communicator.sendTo(end);
    if (end === "stop") await communicator.wait();
    else await assertRejects(() => communicator.wait(), RangeError, "No stamp");
    assertEquals(test.watched.members, new Set());
  });
}

Deno.test("groups are left when the client disconnects, before disconnect() is called", async () => {
  await using test = useWatchedLayer();
  let left: Set<string> | undefined;
  class LastConsumer extends RoomConsumer {
    override disconnect() {
      left = new Set(test.watched.members);
    }
  }
  await using communicator = new WebsocketCommunicator(LastConsumer.asAsgi(), "/", options);
  await communicator.connect();
  await communicator.disconnect();
  assertEquals(left, new Set());
});

Deno.test("groups are left if connect() rejects the client, or fails", async () => {
  await using test = useWatchedLayer();
  class RefusingConsumer extends RoomConsumer {
    override async connect() {
      if (this.scope.params.room === "b") throw new RangeError("No such room");
      await this.close();
    }
  }
  await using one = new WebsocketCommunicator(RefusingConsumer.asAsgi(), "/", options);
  assertEquals((await one.connect()).accepted, false);
  await one.wait();
  await using other = new WebsocketCommunicator(RefusingConsumer.asAsgi(), "/", {
    params: { room: "b" },
  });
  await assertRejects(() => other.connect(), RangeError, "No such room");
  assertEquals(test.watched.members, new Set());
});

Deno.test("a group that cannot be joined rejects the client; the others are left", async () => {
  await using test = useWatchedLayer();
  test.watched.isUnavailable = true;
  let calls = 0;
  class CountingConsumer extends RoomConsumer {
    override async connect() {
      calls++;
      await this.accept();
    }
    override disconnect() {
      calls++;
    }
  }
  await using communicator = new WebsocketCommunicator(CountingConsumer.asAsgi(), "/", options);
  await assertRejects(() => communicator.connect(), LayerUnavailableError);
  assertEquals(test.watched.members, new Set());
  assertEquals(calls, 0);
});

Deno.test("a connection without groups opens no channel", async () => {
  let opened = 0;
  class CountingLayer extends ForwardingLayer {
    override newChannel(prefix?: string) {
      opened++;
      return super.newChannel(prefix);
    }
  }
  await using _test = useMemoryLayer((layer) => new CountingLayer(layer));
  class PlainConsumer extends AsyncWebsocketConsumer {}
  await using communicator = new WebsocketCommunicator(PlainConsumer.asAsgi(), "/");
  await communicator.connect();
  await communicator.disconnect();
  assertEquals(opened, 0);
});

const FORBIDDEN = [
  "websocket.connect",
  "websocket.receive",
  "websocket.disconnect",
  "websocket_disconnect",
  "http.request",
  "http.disconnect",
  "connect",
  "receive",
  "disconnect",
  "accept",
  "send",
  "close",
  "reject",
  "groups",
  "dispatch",
  "constructor",
  "toString",
  "_hidden",
  "unknown",
];

Deno.test("an event of the layer never calls what a server calls, and the connection stays open", async () => {
  const drops: Drop[] = [];
  const layer = new MemoryChannelLayer({ onDrop: (drop) => drops.push(drop) });
  await using _test = useMemoryLayer(() => layer);
  await using communicator = new WebsocketCommunicator(RoomConsumer.asAsgi(), "/", options);
  await communicator.connect();
  for (const type of FORBIDDEN) {
    await layer.groupSend("rooms", { type, data: "x", code: 1000, reason: "", text: "x" });
  }
  await layer.groupSend("rooms", { type: "chat.message", text: "still here" });
  assertEquals(await communicator.receiveFrom(), "still here");
  await until("the drops", () => drops.length === FORBIDDEN.length);
  assertEquals(
    drops.map(({ reason }) => reason),
    FORBIDDEN.map((type) =>
      `RoomConsumer has no handler for events of type ${JSON.stringify(type)}: it has chat_message`
    ),
  );
});

Deno.test("an event that a schema rejects is dropped, and the connection stays open", async () => {
  const drops: Drop[] = [];
  const layer = new MemoryChannelLayer({ onDrop: (drop) => drops.push(drop) });
  await using _test = useMemoryLayer(() => layer);
  type News = { type: "news"; text: string };
  class NewsConsumer extends AsyncWebsocketConsumer {
    static override groups = ["news"];
    static schemas = {
      news: {
        "~standard": {
          version: 1,
          vendor: "test",
          validate: (value: unknown) =>
            typeof (value as News).text === "string"
              ? { value: value as News }
              : { issues: [{ message: "must be text", path: ["text"] }] },
        },
      },
    } as const;
    async news(event: News) {
      await this.send(event.text);
    }
  }
  await using communicator = new WebsocketCommunicator(NewsConsumer.asAsgi(), "/");
  await communicator.connect();
  await layer.groupSend("news", { type: "news", text: 5 });
  await layer.groupSend("news", { type: "news", text: "good" });
  assertEquals(await communicator.receiveFrom(), "good");
  assertEquals(drops.map(({ reason }) => reason), [
    'NewsConsumer rejects an event of type "news": $.text: must be text',
  ]);
});

Deno.test("untyped and undecodable messages are reported, and the connection stays open", async () => {
  using warnings = collectLayerWarnings();
  class HostileLayer extends ForwardingLayer {
    #calls = 0;
    override async receive(channel: string, options?: ReceiveOptions) {
      const call = ++this.#calls;
      if (call === 1) return { text: "no type" } as unknown as Message;
      if (call === 2) throw new UndecodableMessageError({ reason: "not MessagePack" });
      return await super.receive(channel, options);
    }
  }
  await using test = useMemoryLayer((layer) => new HostileLayer(layer));
  await using communicator = new WebsocketCommunicator(RoomConsumer.asAsgi(), "/", options);
  await communicator.connect();
  await test.layer.groupSend("rooms", { type: "chat.message", text: "still here" });
  assertEquals(await communicator.receiveFrom(), "still here");
  const found = ["its type must be a string, got undefined", "not MessagePack"]
    .filter((reason) => warnings.items.some((text) => text.includes(reason)));
  assertEquals(found.length, 2);
});

Deno.test("groups of an HTTP request are joined before handle(), and left at the end", async () => {
  await using test = useWatchedLayer();
  let joined: string[] = [];
  class GroupConsumer extends AsyncHttpConsumer {
    static override groups = ["a", "b"];
    async handle() {
      joined = [...test.watched.members];
      await this.sendResponse(204);
    }
  }
  await using communicator = new HttpCommunicator(GroupConsumer.asAsgi(), "GET", "/");
  await communicator.getResponse();
  await communicator.wait();
  assertEquals(joined, ["a", "b"]);
  assertEquals(test.watched.members, new Set());
});
