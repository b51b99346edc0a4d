import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  type Application,
  AsyncConsumer,
  ChannelNameRouter,
  type ChannelScope,
  type LifespanScope,
  NoRouteError,
} from "@asgi/channels";
import type { ApplicationsByChannel } from "@asgi/channels/routing";
import { knownChannels } from "../../src/protocol/internal.ts";
import { unexpected } from "../helpers/applications.ts";

/** The scope of a channel. */
function scopeOf(channel: string): ChannelScope {
  return { type: "channel", channel };
}

Deno.test("ChannelNameRouter() chooses the application by scope.channel", async () => {
  const picked: string[] = [];
  const router = ChannelNameRouter({
    letters: (scope) => Promise.resolve(void picked.push(`letters got ${scope.channel}`)),
    "thumbnails-generate": (scope) => Promise.resolve(void picked.push(`thumbs ${scope.channel}`)),
  });
  await router(scopeOf("thumbnails-generate"), unexpected, unexpected);
  await router(scopeOf("letters"), unexpected, unexpected);
  assertEquals(picked, ["thumbs thumbnails-generate", "letters got letters"]);
});

Deno.test("ChannelNameRouter() passes scope, receive and send unchanged", async () => {
  const scope = scopeOf("letters");
  const receive = () => unexpected();
  const send = () => unexpected();
  let args: unknown[] = [];
  const router = ChannelNameRouter({
    letters: (...given) => Promise.resolve(void (args = given)),
  });
  await router(scope, receive, send);
  assertStrictEquals(args[0], scope);
  assertStrictEquals(args[1], receive);
  assertStrictEquals(args[2], send);
});

Deno.test("ChannelNameRouter() resolves when the chosen application does", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let ended = false;
  const running = ChannelNameRouter({ letters: () => promise })(
    scopeOf("letters"),
    unexpected,
    unexpected,
  ).then(() => ended = true);
  await Promise.resolve();
  assertEquals(ended, false);
  resolve();
  assertEquals(await running, true);
});

Deno.test("ChannelNameRouter() rejects with what the application throws", async () => {
  const router = ChannelNameRouter({ letters: () => Promise.reject(new RangeError("No stamp")) });
  await assertRejects(
    () => router(scopeOf("letters"), unexpected, unexpected),
    RangeError,
    "No stamp",
  );
});

Deno.test("ChannelNameRouter() names the requested channel and the known ones", async () => {
  const router = ChannelNameRouter({ letters: async () => {}, parcels: async () => {} });
  const error = await assertRejects(
    () => router(scopeOf("postcards"), unexpected, unexpected),
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
      () => router(scopeOf(channel), unexpected, unexpected),
      NoRouteError,
    );
    assertEquals(error.requested, channel);
  });
}

Deno.test('ChannelNameRouter() accepts "toString" as a route', async () => {
  let picked = false;
  const router = ChannelNameRouter({ toString: () => Promise.resolve(void (picked = true)) });
  await router(scopeOf("toString"), unexpected, unexpected);
  assertEquals(picked, true);
});

Deno.test("ChannelNameRouter() ignores later changes of its argument", async () => {
  const applications: Record<string, Application<ChannelScope>> = { letters: async () => {} };
  const router = ChannelNameRouter(applications);
  delete applications.letters;
  applications.parcels = async () => {};
  await router(scopeOf("letters"), unexpected, unexpected);
  await assertRejects(() => router(scopeOf("parcels"), unexpected, unexpected), NoRouteError);
});

Deno.test("ChannelNameRouter() nests", async () => {
  let picked = "";
  const router = ChannelNameRouter({
    letters: ChannelNameRouter({
      letters: (scope) => Promise.resolve(void (picked = scope.channel)),
    }),
  });
  await router(scopeOf("letters"), unexpected, unexpected);
  assertEquals(picked, "letters");
});

Deno.test("ChannelNameRouter() lists the channels that it knows", () => {
  const router = ChannelNameRouter({ letters: async () => {}, parcels: async () => {} });
  assertEquals(knownChannels(router), ["letters", "parcels"]);
  assertEquals(knownChannels(ChannelNameRouter({})), []);
});

Deno.test("ChannelNameRouter() rejects what is not a function with a TypeError", () => {
  for (const value of [undefined, null, "letters", 1, {}, Promise.resolve()]) {
    const applications = { letters: value } as unknown as ApplicationsByChannel;
    assertThrows(
      () => ChannelNameRouter(applications),
      TypeError,
      'ChannelNameRouter needs an application for "letters"',
    );
  }
});

Deno.test("ChannelNameRouter() accepts only applications of channel scopes", () => {
  const lifespan: Application<LifespanScope> = async () => {};
  // @ts-expect-error It would be given the scope of a channel.
  ChannelNameRouter({ letters: lifespan });
});

Deno.test("ChannelNameRouter() rejects a consumer class without asAsgi()", () => {
  class LetterConsumer extends AsyncConsumer {}
  // @ts-expect-error A class is no application.
  const applications: ApplicationsByChannel = { letters: LetterConsumer };
  assertThrows(
    () => ChannelNameRouter(applications),
    TypeError,
    'ChannelNameRouter needs an application for "letters", got a class; call asAsgi() of a consumer class',
  );
});
