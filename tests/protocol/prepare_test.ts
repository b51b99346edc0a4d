import { assertEquals, assertRejects } from "@std/assert";
import {
  type Application,
  ChannelNameRouter,
  type ChannelScope,
  MemoryChannelLayer,
  ProtocolTypeRouter,
  Worker,
} from "@asgi/channels";
import { keepForServer, withHooks } from "../../src/protocol/internal.ts";

/** An application that notes how it is prepared, and that it is released. */
function noting(notes: string[], name: string, ready = Promise.resolve()) {
  const application: Application<ChannelScope> = async (_scope, receive) => {
    notes.push(`${name} handles ${(await receive()).type}`);
  };
  const prepare = async (channels: readonly string[]) => {
    notes.push(`${name} for ${channels.join(" ")}`);
    const dispose = () => Promise.resolve(void notes.push(`${name} released`));
    await keepForServer(application, () => ({ ready, [Symbol.asyncDispose]: dispose }))?.ready;
  };
  return withHooks(application, { prepare });
}

/** Runs a worker for one event in the channel "a". */
async function runForOneEvent(application: Application<ChannelScope>, channels: readonly string[]) {
  await using layer = new MemoryChannelLayer();
  await layer.send("a", { type: "sent" });
  await new Worker({ application, layer, channels, burst: true }).run();
}

Deno.test("a worker prepares an application before its first event, and releases it", async () => {
  const notes: string[] = [];
  await runForOneEvent(noting(notes, "one"), ["a", "c"]);
  assertEquals(notes, ["one for a c", "one handles sent", "one released"]);
});

Deno.test("a worker waits for all applications, fails with each, and releases all", async () => {
  const notes: string[] = [];
  const failed = Promise.reject(new RangeError("not today"));
  const application = ChannelNameRouter({
    a: noting(notes, "one"),
    b: noting(notes, "other", failed),
  });
  await assertRejects(() => runForOneEvent(application, ["a", "b"]), RangeError, "not today");
  assertEquals(notes.slice(0, 2), ["one for a b", "other for a b"]);
  assertEquals(notes.slice(2).sort(), ["one released", "other released"]);
});

Deno.test("routers prepare the applications of the worker's channels, each once", async () => {
  const notes: string[] = [];
  const one = noting(notes, "one");
  const application = ProtocolTypeRouter({
    channel: ChannelNameRouter({ a: one, e: one, c: noting(notes, "other"), d: async () => {} }),
  });
  await runForOneEvent(application, ["a", "e", "d", "unknown"]);
  assertEquals(notes, ["one for a e d unknown", "one handles sent", "one released"]);
});

Deno.test("a router without channels prepares nothing", async () => {
  await runForOneEvent(ProtocolTypeRouter({ lifespan: async () => {} }), ["a"]);
});
