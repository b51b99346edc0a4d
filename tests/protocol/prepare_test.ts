import { assertEquals, assertRejects } from "@std/assert";
import type { Application, ChannelScope } from "@asgi/channels/protocol";
import { type Preparation, prepare, withHooks } from "../../src/protocol/internal.ts";
import { ChannelNameRouter, ProtocolTypeRouter } from "@asgi/channels/routing";

/** An application that notes how it is prepared. */
function noting(notes: string[], name: string, ready = Promise.resolve()) {
  const application: Application<ChannelScope> = async () => {};
  const prepared = (channels: readonly string[]): Preparation => {
    notes.push(`${name} for ${channels.join(" ")}`);
    const dispose = () => Promise.resolve(void notes.push(`${name} gone`));
    return { ready, [Symbol.asyncDispose]: dispose };
  };
  return withHooks(application, { prepare: prepared });
}

Deno.test("prepare() gives what an application makes ready", async () => {
  const notes: string[] = [];
  {
    await using preparation = prepare([noting(notes, "one")], ["a", "b"]);
    await preparation.ready;
  }
  assertEquals(notes, ["one for a b", "one gone"]);
});

Deno.test("prepare() gives nothing to wait for when an application needs nothing", async () => {
  await using preparation = prepare([async () => {}], ["a"]);
  await preparation.ready;
});

Deno.test("prepare() waits for all, fails with each, and releases all", async () => {
  const notes: string[] = [];
  const failed = Promise.reject(new RangeError("not today"));
  {
    const all = [noting(notes, "one"), noting(notes, "other", failed)];
    await using both = prepare(all, ["a"]);
    await assertRejects(() => both.ready, RangeError, "not today");
  }
  assertEquals(notes.slice(2).sort(), ["one gone", "other gone"]);
});

Deno.test("routers prepare the applications of the asked channels, each once", async () => {
  const notes: string[] = [];
  const one = noting(notes, "one");
  const application = ProtocolTypeRouter({
    channel: ChannelNameRouter({ a: one, b: one, c: noting(notes, "other"), d: async () => {} }),
  });
  {
    await using preparation = prepare([application], ["a", "b", "d", "unknown"]);
    await preparation.ready;
  }
  assertEquals(notes, ["one for a b d unknown", "one gone"]);
  await using nothing = prepare([ProtocolTypeRouter({ lifespan: async () => {} })], ["a"]);
  await nothing.ready;
});
