import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  type Application,
  ChannelNameRouter,
  type ChannelScope,
  NoRouteError,
  ProtocolTypeRouter,
  type Scope,
} from "@asgi/channels";
import type { ApplicationsByType } from "@asgi/channels/routing";
import { knownChannels } from "../../src/protocol/internal.ts";
import type { ScopeOf } from "@asgi/channels/protocol";
import { lifespan, unexpected } from "../helpers/applications.ts";

const letters: ChannelScope = { type: "channel", channel: "letters" };

Deno.test("ProtocolTypeRouter() chooses the application by scope.type", async () => {
  const picked: string[] = [];
  const router = ProtocolTypeRouter({
    channel: (scope) => Promise.resolve(void picked.push(scope.channel)),
    lifespan: (scope) => Promise.resolve(void picked.push(scope.type)),
  });
  await router(lifespan, unexpected, unexpected);
  await router(letters, unexpected, unexpected);
  assertEquals(picked, ["lifespan", "letters"]);
});

Deno.test("ProtocolTypeRouter() passes receive and send unchanged", async () => {
  let args: unknown[] = [];
  const receive = () => unexpected();
  const send = () => unexpected();
  const router = ProtocolTypeRouter({
    channel: (...given) => Promise.resolve(void (args = given)),
  });
  await router(letters, receive, send);
  assertStrictEquals(args[0], letters);
  assertStrictEquals(args[1], receive);
  assertStrictEquals(args[2], send);
});

Deno.test("ProtocolTypeRouter() names the requested type and the known ones", async () => {
  const router = ProtocolTypeRouter({ channel: async () => {} });
  const error = await assertRejects(
    () => router(lifespan, unexpected, unexpected),
    NoRouteError,
    'No application for type "lifespan": known are channel',
  );
  assertEquals(error.what, "type");
  assertEquals(error.requested, "lifespan");
  assertEquals(error.known, ["channel"]);
});

for (const type of ["toString", "__proto__", "constructor", "http"]) {
  Deno.test(`ProtocolTypeRouter() has no route for the type "${type}"`, async () => {
    const router = ProtocolTypeRouter({ channel: async () => {} });
    const scope = { type } as unknown as Scope;
    const error = await assertRejects(() => router(scope, unexpected, unexpected), NoRouteError);
    assertEquals(error.requested, type);
  });
}

Deno.test("ProtocolTypeRouter() nests, with itself and with ChannelNameRouter()", async () => {
  let picked = "";
  const router = ProtocolTypeRouter({
    channel: ProtocolTypeRouter({
      channel: ChannelNameRouter({
        letters: (scope) => Promise.resolve(void (picked = scope.channel)),
      }),
    }),
  });
  await router(letters, unexpected, unexpected);
  assertEquals(picked, "letters");
  await assertRejects(
    () => router({ type: "channel", channel: "parcels" }, unexpected, unexpected),
    NoRouteError,
    'No application for channel "parcels": known are letters',
  );
});

Deno.test("ProtocolTypeRouter() forwards the channels that its application knows", () => {
  const byName = ChannelNameRouter({ letters: async () => {}, parcels: async () => {} });
  const router = ProtocolTypeRouter({ channel: byName });
  assertEquals(knownChannels(router), ["letters", "parcels"]);
  assertEquals(knownChannels(ProtocolTypeRouter({ channel: router })), ["letters", "parcels"]);
});

Deno.test("ProtocolTypeRouter() lists no channels when its application doesn't", () => {
  assertStrictEquals(knownChannels(ProtocolTypeRouter({ channel: async () => {} })), undefined);
  assertStrictEquals(knownChannels(ProtocolTypeRouter({ lifespan: async () => {} })), undefined);
});

Deno.test("ProtocolTypeRouter() rejects what is not a function with a TypeError", () => {
  for (const value of [null, "letters", 1, {}]) {
    const applications = { channel: value } as unknown as ApplicationsByType;
    assertThrows(
      () => ProtocolTypeRouter(applications),
      TypeError,
      'ProtocolTypeRouter needs an application for "channel"',
    );
  }
});

Deno.test("ProtocolTypeRouter() accepts the application that fits each type", () => {
  const channel: Application<ChannelScope> = async () => {};
  const lifespan: Application<ScopeOf<"lifespan">> = async () => {};
  ProtocolTypeRouter({ channel, lifespan }) satisfies Application;
  // @ts-expect-error They are the wrong way round.
  ProtocolTypeRouter({ channel: lifespan, lifespan: channel });
  // @ts-expect-error No scope has that type.
  ProtocolTypeRouter({ smtp: channel });
});
