import { assertEquals } from "@std/assert";
import type {
  Application,
  ChannelScope,
  LifespanScope,
  Message,
  Receive,
  Scope,
  ScopeOf,
  Send,
} from "@asgi/channels/protocol";
import { lifespan, unexpected } from "../helpers/applications.ts";

/** Compiles only where the two types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true
  : never;

/** What a type test hands to the compiler. */
function check<_Claim extends true>(): void {}

Deno.test("ScopeOf is the scope of one type", () => {
  check<Same<ScopeOf<"channel">, ChannelScope>>();
  check<Same<ScopeOf<"lifespan">, LifespanScope>>();
  check<Same<ScopeOf<Scope["type"]>, Scope>>();
  // @ts-expect-error No scope has that type.
  check<Same<ScopeOf<"smtp">, ChannelScope>>();
});

Deno.test("Scope narrows by its type", () => {
  const describe = (scope: Scope) => scope.type === "channel" ? scope.channel : scope.type;
  assertEquals(describe({ type: "channel", channel: "letters" }), "letters");
  assertEquals(describe(lifespan), "lifespan");
  // @ts-expect-error Only a channel scope has a channel.
  const wrong = (scope: Scope) => scope.channel;
  wrong({ type: "channel", channel: "letters" });
});

Deno.test("Scope can't be changed by an application", () => {
  const rename: Application<ChannelScope> = async (scope) => {
    // @ts-expect-error It is read-only.
    scope.channel = "other";
    await Promise.resolve();
  };
  check<Same<Parameters<typeof rename>[0], ChannelScope>>();
});

Deno.test("Message has a type, and any other fields", () => {
  const message = { type: "letter.sent", text: "Hello", pages: 2 } satisfies Message;
  assertEquals(message.type, "letter.sent");
  // @ts-expect-error A message needs a type.
  const untyped: Message = { text: "Hello" };
  // @ts-expect-error The type is a string.
  const numbered: Message = { type: 1 };
  assertEquals([untyped.text, numbered.type], ["Hello", 1]);
  check<Same<Message["text"], unknown>>();
});

Deno.test("Application takes a scope, receive and send", async () => {
  const echo: Application = async (_scope, receive, send) => await send(await receive());
  check<Same<Parameters<typeof echo>, [scope: Scope, receive: Receive, send: Send]>>();
  const sent: Message[] = [];
  await echo(
    lifespan,
    () => Promise.resolve({ type: "lifespan.startup" }),
    (message) => Promise.resolve(void sent.push(message)),
  );
  assertEquals(sent, [{ type: "lifespan.startup" }]);
});

Deno.test("Application of any scope is assignable to one of a channel", () => {
  const any: Application = async () => {};
  any satisfies Application<ChannelScope>;
  const one: Application<ChannelScope> = async () => {};
  // @ts-expect-error It can't take a lifespan.
  one satisfies Application;
});

Deno.test("Application returns a promise", () => {
  // @ts-expect-error A server waits for its end.
  const wrong: Application = () => {};
  wrong(lifespan, unexpected, unexpected);
});
