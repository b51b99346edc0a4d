import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  type Application,
  AsyncJsonWebsocketConsumer,
  AsyncWebsocketConsumer,
  ConnectionClosedError,
  StopConsumer,
  type WebSocketScope,
} from "@asgi/channels";
import { WebsocketCommunicator } from "@asgi/channels/testing";
import { useMemoryLayer } from "../helpers/layers.ts";
import { assertTimesOut } from "../helpers/waiting.ts";

/** Echoes messages, and notes how the connection ends. */
class EchoConsumer extends AsyncWebsocketConsumer {
  readonly #ends: string[];

  constructor(ends: string[] = []) {
    super();
    this.#ends = ends;
  }

  override async receive(data: string | Uint8Array) {
    if (data === "stop") throw new StopConsumer();
    if (data === "fail") throw new RangeError("No stamp");
    await this.send(data);
  }

  override disconnect(code: number, reason: string) {
    this.#ends.push(`${code} ${reason}`);
  }
}

Deno.test("AsyncWebsocketConsumer accepts, and passes text and bytes in both directions", async () => {
  await using communicator = new WebsocketCommunicator(EchoConsumer.asAsgi(), "/ws");
  const { accepted, subprotocol } = await communicator.connect();
  assertEquals([accepted, subprotocol], [true, undefined]);
  for (const data of ["Hello", "", Uint8Array.of(0, 255), new Uint8Array()]) {
    await communicator.sendTo(data);
    assertEquals(await communicator.receiveFrom(), data);
  }
});

Deno.test("accept() selects a subprotocol and adds header fields", async () => {
  class ChatConsumer extends AsyncWebsocketConsumer {
    override async connect() {
      await this.accept({ subprotocol: "v2", headers: { "X-Room": "a" } });
    }
  }
  const options = { subprotocols: ["v1", "v2"] };
  await using communicator = new WebsocketCommunicator(ChatConsumer.asAsgi(), "/ws", options);
  const { subprotocol, headers } = await communicator.connect();
  assertEquals([subprotocol, headers.get("x-room")], ["v2", "a"]);
});

Deno.test("close() in connect() rejects the client", async () => {
  class ClosedConsumer extends AsyncWebsocketConsumer {
    override async connect() {
      await this.close(4001);
    }
  }
  await using communicator = new WebsocketCommunicator(ClosedConsumer.asAsgi(), "/ws");
  const { accepted, code } = await communicator.connect();
  assertEquals([accepted, code], [false, 4001]);
});

class RejectingConsumer extends AsyncWebsocketConsumer {
  override async connect() {
    await this.reject(401, "Log in first", { "www-authenticate": "Basic" });
  }
}

Deno.test("reject() responds to the client, if the server can", async () => {
  await using communicator = new WebsocketCommunicator(RejectingConsumer.asAsgi(), "/ws");
  const { accepted, response } = await communicator.connect();
  assertEquals([accepted, response?.status, response?.text()], [false, 401, "Log in first"]);
  assertEquals(Object.fromEntries(response?.headers ?? []), {
    "content-type": "text/plain; charset=utf-8",
    "www-authenticate": "Basic",
  });
});

Deno.test("reject() closes the connection if the server cannot respond", async () => {
  const options = { extensions: {} };
  await using communicator = new WebsocketCommunicator(RejectingConsumer.asAsgi(), "/ws", options);
  const { accepted, code, response } = await communicator.connect();
  assertEquals([accepted, code, response], [false, 1000, undefined]);
});

Deno.test("close() closes an open connection with a code and a reason", async () => {
  const ends: string[] = [];
  class ClosingConsumer extends EchoConsumer {
    override async receive() {
      await this.close(4000, "Enough");
    }
  }
  await using communicator = new WebsocketCommunicator(ClosingConsumer.asAsgi(ends), "/ws");
  await communicator.connect();
  await communicator.sendTo("x");
  assertEquals(await communicator.receiveClose(), { code: 4000, reason: "Enough" });
  await communicator.wait();
  assertEquals(ends, ["4000 Enough"]);
});

Deno.test("disconnect() gets the code and the reason of the client", async () => {
  const ends: string[] = [];
  await using communicator = new WebsocketCommunicator(EchoConsumer.asAsgi(ends), "/ws");
  await communicator.connect();
  await communicator.disconnect(3000, "Bye");
  assertEquals(ends, ["3000 Bye"]);
});

Deno.test("disconnect() is called with 1011 if a handler throws, and the error is the server's", async () => {
  const ends: string[] = [];
  await using communicator = new WebsocketCommunicator(EchoConsumer.asAsgi(ends), "/ws");
  await communicator.connect();
  await communicator.sendTo("fail");
  await assertRejects(() => communicator.wait(), RangeError, "No stamp");
  assertEquals(ends, ["1011 "]);
});

Deno.test("disconnect() is called after a StopConsumer, which is no error", async () => {
  const ends: string[] = [];
  await using communicator = new WebsocketCommunicator(EchoConsumer.asAsgi(ends), "/ws");
  await communicator.connect();
  await communicator.sendTo("stop");
  await communicator.wait();
  assertEquals(ends, ["1000 "]);
});

Deno.test("an error of disconnect() doesn't hide the one of a handler", async () => {
  class FailingConsumer extends EchoConsumer {
    override disconnect() {
      throw new TypeError("disconnect() failed");
    }
  }
  for (const [data, expected] of [["fail", RangeError], ["stop", TypeError]] as const) {
    await using communicator = new WebsocketCommunicator(FailingConsumer.asAsgi(), "/ws");
    await communicator.connect();
    await communicator.sendTo(data);
    await assertRejects(() => communicator.wait(), expected);
  }
});

/** Lets a test decide when an application goes on after it has sent a message. */
function delayed(
  application: Application<WebSocketScope>,
  gate: Promise<void>,
  isDelayed: (type: string) => boolean,
): Application<WebSocketScope> {
  return (scope, receive, send) =>
    application(scope, receive, async (message) => {
      await send(message);
      if (isDelayed(message.type)) await gate;
    });
}

Deno.test("a client that vanishes during connect() ends the consumer without an error", async () => {
  const ends: string[] = [];
  const gate = Promise.withResolvers<void>();
  let failure: unknown;
  class SlowConsumer extends EchoConsumer {
    override async connect() {
      await gate.promise;
      await this.accept().catch((error) => failure = error);
      await this.accept();
    }
  }
  await using communicator = new WebsocketCommunicator(SlowConsumer.asAsgi(ends), "/ws");
  const connecting = assertTimesOut(() => communicator.connect({ timeout: 1 }));
  await connecting;
  const left = communicator.disconnect(1001);
  gate.resolve();
  await left;
  assertEquals(failure instanceof ConnectionClosedError, true);
  assertEquals(ends, ["1006 "]);
});

Deno.test("send() rejects after the end of the connection, and need not be awaited", async () => {
  const gate = Promise.withResolvers<void>();
  const failures: unknown[] = [];
  class LateConsumer extends AsyncJsonWebsocketConsumer {
    override async receiveJson() {
      await gate.promise;
      this.send("unawaited");
      this.sendJson(["unawaited"]);
      this.close();
      this.reject(400);
      await this.send("awaited").catch((error) => failures.push(error));
    }
  }
  await using communicator = new WebsocketCommunicator(LateConsumer.asAsgi(), "/ws");
  await communicator.connect();
  await communicator.sendTo("1");
  const left = communicator.disconnect();
  gate.resolve();
  await left;
  assertEquals(failures.map((error) => error instanceof ConnectionClosedError), [true]);
});

Deno.test("a rejected message is an error of the handler", async () => {
  class WrongConsumer extends AsyncWebsocketConsumer {
    override async connect() {
      await this.accept({ subprotocol: "unknown" });
    }
  }
  await using communicator = new WebsocketCommunicator(WrongConsumer.asAsgi(), "/ws");
  await assertRejects(() => communicator.connect(), TypeError, "subprotocol");
});

Deno.test("nothing can be sent before asAsgi() runs the consumer", () => {
  const consumer = new EchoConsumer();
  assertThrows(() => consumer.send("x"), TypeError, "asAsgi()");
  assertThrows(() => consumer.scope, TypeError, "asAsgi()");
});

class SumConsumer extends AsyncJsonWebsocketConsumer<number[], { sum: number | bigint }> {
  override async receiveJson(content: number[]) {
    await this.sendJson({ sum: content.reduce((sum, one) => sum + one, 0) });
  }
}

Deno.test("AsyncJsonWebsocketConsumer decodes and encodes JSON", async () => {
  await using communicator = new WebsocketCommunicator(SumConsumer.asAsgi(), "/ws");
  await communicator.connect();
  await communicator.sendJsonTo([1, 2, 3]);
  assertEquals(await communicator.receiveJsonFrom(), { sum: 6 });
});

for (const [data, code] of [["[1", 1007], ["", 1007], [Uint8Array.of(91, 93), 1003]] as const) {
  Deno.test(`AsyncJsonWebsocketConsumer closes with ${code} after ${JSON.stringify(data)}`, async () => {
    await using communicator = new WebsocketCommunicator(SumConsumer.asAsgi(), "/ws");
    await communicator.connect();
    await communicator.sendTo(data);
    assertEquals((await communicator.receiveClose()).code, code);
  });
}

Deno.test("sendJson() rejects what JSON cannot represent", async () => {
  class WrongConsumer extends AsyncJsonWebsocketConsumer {
    override async receiveJson() {
      await this.sendJson(undefined);
    }
  }
  await using communicator = new WebsocketCommunicator(WrongConsumer.asAsgi(), "/ws");
  await communicator.connect();
  await communicator.sendTo("1");
  await assertRejects(() => communicator.wait(), TypeError, "Cannot send undefined as JSON");
});

Deno.test("an event of the layer waits until the messages before it are sent", async () => {
  await using test = useMemoryLayer();
  const gate = Promise.withResolvers<void>();
  const handled: string[] = [];
  class FeedConsumer extends AsyncWebsocketConsumer {
    static override groups = ["feed"];
    news(event: { type: "news"; text: string }) {
      handled.push(event.text);
      this.send(event.text); // Not awaited.
    }
  }
  const application = delayed(
    FeedConsumer.asAsgi(),
    gate.promise,
    (type) => type === "websocket.send",
  );
  await using communicator = new WebsocketCommunicator(application, "/ws");
  await communicator.connect();
  for (const text of ["one", "two"]) await test.layer.groupSend("feed", { type: "news", text });
  assertEquals(await communicator.receiveFrom(), "one");
  assertEquals(await communicator.receiveNothing({ timeout: 20 }), true);
  assertEquals(handled, ["one"]);
  gate.resolve();
  assertEquals(await communicator.receiveFrom(), "two");
});
