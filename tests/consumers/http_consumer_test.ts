import { assertEquals, assertRejects } from "@std/assert";
import { type Application, AsyncHttpConsumer, type HttpScope, StopConsumer } from "@asgi/channels";
import { HttpCommunicator } from "@asgi/channels/testing";
import { httpScope } from "../helpers/connections.ts";
import { useMemoryLayer } from "../helpers/layers.ts";

/** Responds with the size of the body, and counts the calls of `disconnect()`. */
class SizeConsumer extends AsyncHttpConsumer {
  static override readonly maxBodySize: number = 10;
  readonly #ends: string[];

  constructor(ends: string[] = []) {
    super();
    this.#ends = ends;
  }

  async handle(body: Uint8Array) {
    await this.sendResponse(200, `${body.length} bytes`, { "X-Method": this.scope.method });
  }

  override disconnect() {
    this.#ends.push("ended");
  }
}

Deno.test("AsyncHttpConsumer responds to a request", async () => {
  const ends: string[] = [];
  const application = SizeConsumer.asAsgi(ends);
  await using communicator = new HttpCommunicator(application, "post", "/", { body: "Hello" });
  const response = await communicator.getResponse();
  assertEquals([response.status, response.text()], [200, "5 bytes"]);
  assertEquals(Object.fromEntries(response.headers), {
    "content-type": "text/plain; charset=utf-8",
    "x-method": "POST",
  });
  await communicator.wait();
  assertEquals(ends, ["ended"]);
});

Deno.test("a body has at most maxBodySize bytes, otherwise the status is 413", async () => {
  const ends: string[] = [];
  const statuses: number[] = [];
  for (const body of ["x".repeat(10), "x".repeat(11)]) {
    const application = SizeConsumer.asAsgi(ends);
    await using communicator = new HttpCommunicator(application, "POST", "/", { body });
    statuses.push((await communicator.getResponse()).status);
    await communicator.wait();
  }
  assertEquals(statuses, [200, 413]);
  assertEquals(ends, ["ended"]);
});

/** Runs an application with some events, and returns the messages that it sends. */
async function messagesOf(
  application: Application<HttpScope>,
  events: Parameters<typeof application>[1] extends () => Promise<infer E> ? E[] : never,
) {
  const sent: unknown[] = [];
  const receive = () => {
    const event = events.shift();
    return event ? Promise.resolve(event) : new Promise<never>(() => {});
  };
  await application(httpScope("/"), receive, (message) => Promise.resolve(void sent.push(message)));
  return sent;
}

Deno.test("handle() gets the parts of a body as one", async () => {
  const bodies: Uint8Array[] = [];
  class PartsConsumer extends AsyncHttpConsumer {
    async handle(body: Uint8Array) {
      bodies.push(body);
      await this.sendResponse(204);
    }
  }
  const sent = await messagesOf(PartsConsumer.asAsgi(), [
    { type: "http.request", body: Uint8Array.of(1, 2), more_body: true },
    { type: "http.request", body: new Uint8Array(), more_body: true },
    { type: "http.request", body: Uint8Array.of(3), more_body: false },
  ]);
  assertEquals(bodies, [Uint8Array.of(1, 2, 3)]);
  assertEquals(sent, [
    { type: "http.response.start", status: 204, headers: [] },
    { type: "http.response.body", body: new Uint8Array(), more_body: false },
  ]);
});

Deno.test("a client that disconnects before its body is complete calls nothing", async () => {
  const ends: string[] = [];
  const sent = await messagesOf(SizeConsumer.asAsgi(ends), [
    { type: "http.request", body: Uint8Array.of(1), more_body: true },
    { type: "http.disconnect" },
  ]);
  assertEquals([sent, ends], [[], []]);
});

Deno.test("handle() without a response is an error, after disconnect()", async () => {
  const ends: string[] = [];
  class SilentConsumer extends SizeConsumer {
    override async handle() {}
  }
  await using communicator = new HttpCommunicator(SilentConsumer.asAsgi(ends), "GET", "/");
  await assertRejects(
    () => communicator.getResponse(),
    TypeError,
    "SilentConsumer.handle() returned without a response",
  );
  assertEquals(ends, ["ended"]);
});

Deno.test("an error of handle() rejects the application, after disconnect()", async () => {
  const ends: string[] = [];
  class FailingConsumer extends SizeConsumer {
    override handle(): never {
      throw new RangeError("No stamp");
    }
  }
  await using communicator = new HttpCommunicator(FailingConsumer.asAsgi(ends), "GET", "/");
  await assertRejects(() => communicator.getResponse(), RangeError, "No stamp");
  assertEquals(ends, ["ended"]);
});

/** A long poll: responds when an event of the layer arrives. */
class PollConsumer extends SizeConsumer {
  static override groups = ["news"];

  override async handle() {
    await this.sendHeaders({ headers: [["content-type", "text/x-lines"]] });
  }

  async news_part(event: { type: "news.part"; text: string }) {
    await this.sendBody(event.text, { moreBody: true });
  }

  async news_end(event: { type: "news.end"; text: string }) {
    await this.sendBody(event.text);
  }

  news_stop() {
    throw new StopConsumer();
  }
}

Deno.test("a response continues with events of the layer until it is complete", async () => {
  await using test = useMemoryLayer();
  const ends: string[] = [];
  await using communicator = new HttpCommunicator(PollConsumer.asAsgi(ends), "GET", "/");
  const { status, headers } = await communicator.getHeaders();
  assertEquals([status, headers.get("content-type")], [200, "text/x-lines"]);
  assertEquals(await communicator.receiveNothing({ timeout: 1 }), true);
  await test.layer.groupSend("news", { type: "news.part", text: "one" });
  assertEquals(await communicator.receiveChunk(), new TextEncoder().encode("one"));
  await test.layer.groupSend("news", { type: "news.end", text: "two" });
  assertEquals(await communicator.receiveChunk(), new TextEncoder().encode("two"));
  assertEquals(await communicator.receiveChunk(), undefined);
  await communicator.wait();
  assertEquals(ends, ["ended"]);
});

Deno.test("a response ends when its client disconnects", async () => {
  await using _test = useMemoryLayer();
  const ends: string[] = [];
  await using communicator = new HttpCommunicator(PollConsumer.asAsgi(ends), "GET", "/");
  await communicator.getHeaders();
  await communicator.disconnect();
  await communicator.wait();
  assertEquals(ends, ["ended"]);
});

Deno.test("a client that vanishes during handle() ends the consumer without an error", async () => {
  const ends: string[] = [];
  const gate = Promise.withResolvers<void>();
  class SlowConsumer extends SizeConsumer {
    override async handle() {
      await this.sendHeaders();
      await gate.promise;
      this.sendBody("unawaited", { moreBody: true });
      await this.sendBody("awaited");
    }
  }
  await using communicator = new HttpCommunicator(SlowConsumer.asAsgi(ends), "GET", "/");
  await communicator.getHeaders();
  await communicator.disconnect();
  gate.resolve();
  await communicator.wait();
  assertEquals(ends, ["ended"]);
});

Deno.test("messages that are not awaited are sent before the application returns", async () => {
  class EagerConsumer extends AsyncHttpConsumer {
    handle() {
      this.sendHeaders();
      this.sendBody("one", { moreBody: true });
      this.sendBody("two");
    }
  }
  const gate = Promise.withResolvers<void>();
  let isSent = false;
  const application = EagerConsumer.asAsgi();
  const slow: Application<HttpScope> = (scope, receive, send) =>
    application(scope, receive, async (message) => {
      await send(message);
      await gate.promise;
      isSent = true;
    });
  await using communicator = new HttpCommunicator(slow, "GET", "/");
  assertEquals((await communicator.getResponse()).text(), "onetwo");
  gate.resolve();
  await communicator.wait();
  assertEquals(isSent, true);
});
