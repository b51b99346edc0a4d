import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import type { Application, ChannelScope } from "@asgi/channels/protocol";
import { keepForServer, prepare, ServerResources, withHooks } from "../../src/protocol/internal.ts";
import { ChannelNameRouter, ProtocolTypeRouter } from "@asgi/channels/routing";

/** An application that notes how it is prepared, and when the server disposes of what it keeps. */
function noting(notes: string[], name: string, ready = Promise.resolve()) {
  const application: Application<ChannelScope> = async () => {};
  const prepared = async (channels: readonly string[]) => {
    notes.push(`${name} for ${channels.join(" ")}`);
    const dispose = () => Promise.resolve(void notes.push(`${name} gone`));
    await keepForServer(application, () => ({ ready, [Symbol.asyncDispose]: dispose }))?.ready;
  };
  return withHooks(application, { prepare: prepared });
}

Deno.test("ServerResources keep what an application prepares until their end", async () => {
  const notes: string[] = [];
  {
    await using server = new ServerResources();
    await server.prepare(noting(notes, "one"), ["a", "b"]);
    assertEquals(notes, ["one for a b"]);
  }
  assertEquals(notes, ["one for a b", "one gone"]);
});

Deno.test("prepare() resolves when an application needs nothing", async () => {
  await prepare([async () => {}], ["a"]);
});

Deno.test("prepare() waits for all, fails with each, and all are disposed of", async () => {
  const notes: string[] = [];
  const failed = Promise.reject(new RangeError("not today"));
  {
    const all = { a: noting(notes, "one"), b: noting(notes, "other", failed) };
    await using server = new ServerResources();
    const both = server.prepare(ChannelNameRouter(all), ["a", "b"]);
    await assertRejects(() => both, RangeError, "not today");
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
    await using server = new ServerResources();
    await server.prepare(application, ["a", "b", "d", "unknown"]);
  }
  assertEquals(notes, ["one for a b d unknown", "one gone"]);
  await prepare([ProtocolTypeRouter({ lifespan: async () => {} })], ["a"]);
});

Deno.test("keepForServer() finds the server of a wrapped application, and creates once", async () => {
  const scope = { type: "channel", channel: "a" } as const;
  const never = () => new Promise<never>(() => {});
  const key = {};
  let created = 0;
  const kept: unknown[] = [];
  const inner: Application<ChannelScope> = async () => {
    await Promise.resolve();
    const create = () => {
      created++;
      return { ready: Promise.resolve(), [Symbol.asyncDispose]: () => Promise.resolve() };
    };
    kept.push(keepForServer(key, create));
  };
  const server = new ServerResources();
  const application = server.provide<ChannelScope>((...args) => inner(...args));
  await application(scope, never, never);
  await application(scope, never, never);
  assertEquals(created, 1);
  assertStrictEquals(kept[0], kept[1]);
  await inner(scope, never, never);
  assertEquals(kept[2], undefined, "nothing runs it that keeps resources");
  await server[Symbol.asyncDispose]();
  await application(scope, never, never);
  assertEquals(kept[3], undefined, "the server has ended");
});
