import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  type Application,
  AsyncConsumer,
  ChannelNameRouter,
  type ChannelScope,
  NoRouteError,
} from "@asgi/channels";
import type { ApplicationsByChannel } from "@asgi/channels/routing";
import { knownChannels } from "../../src/protocol/internal.ts";

const nothing = () => Promise.reject(new Error("Not expected to be called"));

/** The scope of a channel. */
function scopeOf(channel: string): ChannelScope {
  return { type: "channel", channel };
}

Deno.test("ChannelNameRouter() picks the application by scope.channel", async () => {
  const picked: string[] = [];
  const router = ChannelNameRouter({
    letters: (scope) => Promise.resolve(void picked.push(`letters got ${scope.channel}`)),
    "thumbnails-generate": (scope) => Promise.resolve(void picked.push(`thumbs ${scope.channel}`)),
  });
  await router(scopeOf("thumbnails-generate"), nothing, nothing);
  await router(scopeOf("letters"), nothing, nothing);
  assertEquals(picked, ["thumbs thumbnails-generate", "letters got letters"]);
});

Deno.test("ChannelNameRouter() hands on scope, receive and send as they are", async () => {
  const scope = scopeOf("letters");
  const receive = () => nothing();
  const send = () => nothing();
  let args: unknown[] = [];
  const router = ChannelNameRouter({
    letters: (...given) => Promise.resolve(void (args = given)),
  });
  await router(scope, receive, send);
  assertStrictEquals(args[0], scope);
  assertStrictEquals(args[1], receive);
  assertStrictEquals(args[2], send);
});

Deno.test("ChannelNameRouter() lives as long as the application that it picked", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let ended = false;
  const running = ChannelNameRouter({ letters: () => promise })(
    scopeOf("letters"),
    nothing,
    nothing,
  ).then(() => ended = true);
  await Promise.resolve();
  assertEquals(ended, false);
  resolve();
  assertEquals(await running, true);
});

Deno.test("ChannelNameRouter() rejects with what the application throws", async () => {
  const router = ChannelNameRouter({ letters: () => Promise.reject(new RangeError("No stamp")) });
  await assertRejects(
    () => router(scopeOf("letters"), nothing, nothing),
    RangeError,
    "No stamp",
  );
});

Deno.test("ChannelNameRouter() names what was asked for and what is known", async () => {
  const router = ChannelNameRouter({ letters: async () => {}, parcels: async () => {} });
  const error = await assertRejects(
    () => router(scopeOf("postcards"), nothing, nothing),
    NoRouteError,
    'No application for channel "postcards": known are letters, parcels',
  );
  assertEquals(error.what, "channel");
  assertEquals(error.requested, "postcards");
  assertEquals(error.known, ["letters", "parcels"]);
});

for (const channel of ["toString", "__proto__", "constructor", "hasOwnProperty", "valueOf", ""]) {
  Deno.test(`ChannelNameRouter() has no route for ${JSON.stringify(channel)} by itself`, async () => {
    const router = ChannelNameRouter({ letters: async () => {} });
    const error = await assertRejects(
      () => router(scopeOf(channel), nothing, nothing),
      NoRouteError,
    );
    assertEquals(error.requested, channel);
  });
}

Deno.test('ChannelNameRouter() takes "toString" for a route when it is one', async () => {
  let picked = false;
  const router = ChannelNameRouter({ toString: () => Promise.resolve(void (picked = true)) });
  await router(scopeOf("toString"), nothing, nothing);
  assertEquals(picked, true);
});

Deno.test("ChannelNameRouter() doesn't follow later changes of what it was given", async () => {
  const applications: Record<string, Application<ChannelScope>> = { letters: async () => {} };
  const router = ChannelNameRouter(applications);
  delete applications.letters;
  applications.parcels = async () => {};
  await router(scopeOf("letters"), nothing, nothing);
  await assertRejects(() => router(scopeOf("parcels"), nothing, nothing), NoRouteError);
});

Deno.test("ChannelNameRouter() nests", async () => {
  let picked = "";
  const router = ChannelNameRouter({
    letters: ChannelNameRouter({
      letters: (scope) => Promise.resolve(void (picked = scope.channel)),
    }),
  });
  await router(scopeOf("letters"), nothing, nothing);
  assertEquals(picked, "letters");
});

Deno.test("ChannelNameRouter() tells the channels that it knows", () => {
  const router = ChannelNameRouter({ letters: async () => {}, parcels: async () => {} });
  assertEquals(knownChannels(router), ["letters", "parcels"]);
  assertEquals(knownChannels(ChannelNameRouter({})), []);
});

Deno.test("ChannelNameRouter() refuses what is no function with a TypeError", () => {
  for (const value of [undefined, null, "letters", 1, {}, Promise.resolve()]) {
    const applications = { letters: value } as unknown as ApplicationsByChannel;
    assertThrows(
      () => ChannelNameRouter(applications),
      TypeError,
      'ChannelNameRouter needs an application for "letters"',
    );
  }
});

Deno.test("ChannelNameRouter() takes applications of channel scopes only", () => {
  const lifespan: Application<{ readonly type: "lifespan" }> = async () => {};
  // @ts-expect-error It would be given the scope of a channel.
  ChannelNameRouter({ letters: lifespan });
});

Deno.test("ChannelNameRouter() refuses a consumer class that lacks its asAsgi()", () => {
  class LetterConsumer extends AsyncConsumer {}
  // @ts-expect-error A class is no application.
  const applications: ApplicationsByChannel = { letters: LetterConsumer };
  assertThrows(
    () => ChannelNameRouter(applications),
    TypeError,
    'ChannelNameRouter needs an application for "letters", got a class; call asAsgi() of a consumer class',
  );
});
