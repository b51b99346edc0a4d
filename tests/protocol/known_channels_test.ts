import { assertEquals, assertStrictEquals } from "@std/assert";
import type { Application } from "@asgi/channels/protocol";
import { knownChannels, withHooks } from "../../src/protocol/internal.ts";

Deno.test("knownChannels() gives what an application says", () => {
  const application: Application = async () => {};
  const routed = withHooks(application, { channels: ["letters", "parcels"] });
  assertEquals(knownChannels(routed), ["letters", "parcels"]);
});

Deno.test("knownChannels() gives undefined for an application that doesn't say", () => {
  assertStrictEquals(knownChannels(async () => {}), undefined);
});

Deno.test("hooks are read from applications of another copy of the library", () => {
  const hooks = { channels: ["letters"] };
  const application = { [Symbol.for("asgi.channels.hooks")]: hooks } as unknown as Application;
  assertEquals(knownChannels(application), ["letters"]);
});
