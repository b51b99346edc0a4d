import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { MemoryChannelLayer, type Subscription } from "@asgi/channels";
import { event } from "../helpers/events.ts";
import { removeIfPresent } from "../helpers/temporary.ts";
import { openSqliteLayer } from "../helpers/layers.ts";
import { startScript } from "../helpers/program.ts";
import { until, within } from "../helpers/waiting.ts";

const FIXTURE = new URL("../fixtures/layers/subscriptions_in_memory.ts", import.meta.url).pathname;

/** The endpoint in the doc comment of `subscribe()`. */
function serverSentEvents(gallery: Subscription): Response {
  const lines = new TransformStream({
    transform: (event, to) => to.enqueue(`data: ${JSON.stringify(event)}\n\n`),
    cancel: () => gallery[Symbol.asyncDispose](),
  });
  const body = ReadableStream.from(gallery).pipeThrough(lines);
  const headers = { "content-type": "text/event-stream" };
  return new Response(body.pipeThrough(new TextEncoderStream()), { headers });
}

Deno.test("subscriptions that have ended use no memory, and an open one does not keep the process alive", async () => {
  await using program = startScript(FIXTURE, [], { permissions: ["-A", "--v8-flags=--expose-gc"] });
  await program.end;
  const [most = 0, left = 0] = program.stdout.all.join("").split(" ").map(Number);
  assertGreater(most, 10);
  assertLess(left, most / 4);
});

Deno.test("a stream of server-sent events ends its subscription when the client disconnects", async () => {
  await using layer = new MemoryChannelLayer();
  const gallery = await layer.subscribe("gallery");
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    () => serverSentEvents(gallery),
  );
  const response = await fetch(`http://127.0.0.1:${server.addr.port}`);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  await layer.groupSend("gallery", event(1));
  assertEquals((await reader.read()).value, `data: ${JSON.stringify(event(1))}\n\n`);
  await reader.cancel();
  const ended = gallery[Symbol.asyncIterator]().next();
  assertEquals((await within(ended, "the end of the subscription")).done, true);
});

Deno.test("SqliteChannelLayer: a subscription rejoins its groups after the file was deleted", async () => {
  await using sqlite = await openSqliteLayer();
  const { layer, path } = sqlite;
  await using subscription = await layer.subscribe("readers");
  const next = subscription[Symbol.asyncIterator]().next();
  for (const suffix of ["", "-wal", "-shm"]) await removeIfPresent(path + suffix);
  let isReceived = false;
  const received = next.then(() => isReceived = true);
  await until("a message arrives", async () => {
    await layer.groupSend("readers", event(1)).catch(() => {});
    return isReceived;
  });
  await received;
});
