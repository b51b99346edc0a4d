import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  type Application,
  type ChannelScope,
  type Preparation,
  PREPARE,
  together,
} from "@asgi/channels/protocol";
import { prepare } from "../../src/protocol/internal.ts";
import { ChannelNameRouter, ProtocolTypeRouter } from "@asgi/channels/routing";

/** An application that notes how it is prepared. */
function noting(notes: string[], name: string, ready = Promise.resolve()) {
  const application: Application<ChannelScope> = async () => {};
  const prepared = (channels: readonly string[]): Preparation => {
    notes.push(`${name} for ${channels.join(" ")}`);
    const dispose = () => Promise.resolve(void notes.push(`${name} gone`));
    return { ready, [Symbol.asyncDispose]: dispose };
  };
  return Object.assign(application, { [PREPARE]: prepared });
}

Deno.test("prepare() returns the preparation of an application", async () => {
  const notes: string[] = [];
  {
    await using preparation = prepare(noting(notes, "one"), ["a", "b"]);
    await preparation.ready;
  }
  assertEquals(notes, ["one for a b", "one gone"]);
});

Deno.test("prepare() resolves for an application that needs no preparation", async () => {
  await using preparation = prepare(async () => {}, ["a"]);
  await preparation.ready;
});

Deno.test("PREPARE is the same symbol in every copy of the library", () => {
  assertStrictEquals(PREPARE, Symbol.for("asgi.channels.prepare"));
});

Deno.test("together() waits for all, fails with each, and disposes of all", async () => {
  const notes: string[] = [];
  const failed = Promise.reject(new RangeError("not today"));
  {
    const all = [noting(notes, "one"), noting(notes, "other", failed)];
    await using both = together(all.map((application) => prepare(application, ["a"])));
    await assertRejects(() => both.ready, RangeError, "not today");
  }
  assertEquals(notes.slice(2).sort(), ["one gone", "other gone"]);
});

Deno.test("routers prepare the applications of the requested channels, each once", async () => {
  const notes: string[] = [];
  const one = noting(notes, "one");
  const application = ProtocolTypeRouter({
    channel: ChannelNameRouter({ a: one, b: one, c: noting(notes, "other"), d: async () => {} }),
  });
  {
    await using preparation = prepare(application, ["a", "b", "d", "unknown"]);
    await preparation.ready;
  }
  assertEquals(notes, ["one for a b d unknown", "one gone"]);
  await using nothing = prepare(ProtocolTypeRouter({ lifespan: async () => {} }), ["a"]);
  await nothing.ready;
});
