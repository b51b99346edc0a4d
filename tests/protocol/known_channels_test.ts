import { assertEquals, assertStrictEquals } from "@std/assert";
import type { Application } from "@asgi/channels/protocol";
import { knownChannels, withHooks } from "../../src/protocol/internal.ts";

Deno.test("knownChannels() returns the channels of an application", () => {
  const application: Application = async () => {};
  const routed = withHooks(application, { channels: ["letters", "parcels"] });
  assertEquals(knownChannels(routed), ["letters", "parcels"]);
});

Deno.test("knownChannels() returns undefined for an application without a list", () => {
  assertStrictEquals(knownChannels(async () => {}), undefined);
});

Deno.test("hooks are read from applications of another copy of the library", () => {
  const hooks = { channels: ["letters"] };
  const application = { [Symbol.for("asgi.channels.hooks")]: hooks } as unknown as Application;
  assertEquals(knownChannels(application), ["letters"]);
});
