import { assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { AsyncEventSourceConsumer, type ServerSentEvent } from "@asgi/channels";
import { HttpCommunicator } from "@asgi/channels/testing";
import { useMemoryLayer } from "../helpers/layers.ts";

/** Sends events when a client connects, then those of a group. */
class FeedConsumer extends AsyncEventSourceConsumer {
  static override groups = ["feed"];
  readonly #first: readonly ServerSentEvent[];

  constructor(...first: readonly ServerSentEvent[]) {
    super();
    this.#first = first;
  }

  override async connect() {
    for (const event of this.#first) await this.sendEvent(event);
  }

  async news(event: { type: "news"; text: string }) {
    await this.sendEvent({ data: event.text });
  }
}

/** Returns the next part of a stream as text. */
async function textOf(communicator: HttpCommunicator): Promise<string> {
  return new TextDecoder().decode(await communicator.receiveChunk());
}

Deno.test("AsyncEventSourceConsumer starts a stream when a client connects", async () => {
  await using test = useMemoryLayer();
  await using communicator = new HttpCommunicator(FeedConsumer.asAsgi(), "GET", "/events");
  const { status, headers } = await communicator.getHeaders();
  assertEquals(status, 200);
  assertEquals(Object.fromEntries(headers), {
    "cache-control": "no-cache",
    "content-type": "text/event-stream",
  });
  assertEquals(await textOf(communicator), ":\n\n");
  await test.layer.groupSend("feed", { type: "news", text: "Hello" });
  assertEquals(await textOf(communicator), "data: Hello\n\n");
});

Deno.test("sendEvent() in connect() starts the stream, without a comment", async () => {
  await using _test = useMemoryLayer();
  const application = FeedConsumer.asAsgi({ event: "a", id: "7", retry: 500, data: { n: 1 } });
  await using communicator = new HttpCommunicator(application, "GET", "/events");
  assertEquals(await textOf(communicator), 'event: a\nid: 7\nretry: 500\ndata: {"n":1}\n\n');
  assertEquals(await communicator.receiveNothing({ timeout: 1 }), true);
});

Deno.test("events that are not awaited keep their order", async () => {
  class EagerConsumer extends AsyncEventSourceConsumer {
    override connect() {
      for (const data of ["one", "two", "three"]) this.sendEvent({ data });
    }
  }
  await using communicator = new HttpCommunicator(EagerConsumer.asAsgi(), "GET", "/events");
  for (const data of ["one", "two", "three"]) {
    assertEquals(await textOf(communicator), `data: ${data}\n\n`);
  }
});

Deno.test("sendResponse() in connect() refuses the client", async () => {
  class ClosedConsumer extends AsyncEventSourceConsumer {
    override async connect() {
      await this.sendResponse(403, "Log in first");
    }
  }
  await using communicator = new HttpCommunicator(ClosedConsumer.asAsgi(), "GET", "/events");
  const response = await communicator.getResponse();
  assertEquals([response.status, response.text()], [403, "Log in first"]);
  await communicator.wait();
});

Deno.test("lastEventId is the ID that the client has seen last", async () => {
  class ResumingConsumer extends AsyncEventSourceConsumer {
    override async connect() {
      await this.sendEvent({ data: this.lastEventId ?? "none" });
    }
  }
  const application = ResumingConsumer.asAsgi();
  const headers = { "Last-Event-ID": "41" };
  await using resumed = new HttpCommunicator(application, "GET", "/events", { headers });
  assertEquals(await textOf(resumed), "data: 41\n\n");
  await using first = new HttpCommunicator(application, "GET", "/events");
  assertEquals(await textOf(first), "data: none\n\n");
});

Deno.test("comments keep a connection alive until it ends", async () => {
  class QuickConsumer extends AsyncEventSourceConsumer {
    static override readonly keepAliveInterval = 1;
  }
  await using communicator = new HttpCommunicator(QuickConsumer.asAsgi(), "GET", "/events");
  for (let count = 0; count < 3; count++) assertEquals(await textOf(communicator), ":\n\n");
  await communicator.disconnect();
  await communicator.wait();
  // The sanitizer of the test runner finds a timer that is left.
});

const INVALID: readonly ServerSentEvent[] = [
  { event: "a\nb" },
  { event: "a\r" },
  { id: "a\nb" },
  { id: "a\0" },
  { retry: -1 },
  { retry: 1.5 },
  { retry: NaN },
  { data: () => {} },
];

for (const event of INVALID) {
  Deno.test(`sendEvent() rejects ${Deno.inspect(event)}`, async () => {
    await using _test = useMemoryLayer();
    await using communicator = new HttpCommunicator(FeedConsumer.asAsgi(event), "GET", "/events");
    await assertRejects(() => communicator.getResponse(), TypeError);
  });
}

/** Reads a stream as the HTML standard says, and returns the data of its event. */
function dataOf(stream: string): string {
  const lines = stream.split(/\r\n|\r|\n/).filter((line) => line.startsWith("data:"));
  return lines.map((line) => line.slice("data:".length).replace(/^ /, "")).join("\n");
}

Deno.test("any text arrives as it was, with line ends as line feeds", async () => {
  await using _test = useMemoryLayer();
  const text = fc.array(fc.oneof(fc.string(), fc.constantFrom("\r", "\n", "\r\n", " ", ":", "é")))
    .map((parts) => parts.join(""));
  await fc.assert(
    fc.asyncProperty(text, async (data) => {
      const application = FeedConsumer.asAsgi({ data });
      await using communicator = new HttpCommunicator(application, "GET", "/events");
      const stream = await textOf(communicator);
      assertEquals(dataOf(stream), data.replaceAll(/\r\n|\r/g, "\n"));
      assertEquals(stream.endsWith("\n\n"), true);
    }),
    { numRuns: 50 },
  );
});
