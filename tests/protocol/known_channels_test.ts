import { assertEquals, assertStrictEquals } from "@std/assert";
import { type Application, KNOWN_CHANNELS, knownChannels } from "@asgi/channels/protocol";

Deno.test("knownChannels() returns the channels of an application", () => {
  const application: Application = async () => {};
  const routed = Object.assign(application, { [KNOWN_CHANNELS]: ["letters", "parcels"] });
  assertEquals(knownChannels(routed), ["letters", "parcels"]);
});

Deno.test("knownChannels() returns undefined for an application without a list", () => {
  assertStrictEquals(knownChannels(async () => {}), undefined);
});

Deno.test("KNOWN_CHANNELS is the same symbol in every copy of the library", () => {
  assertStrictEquals(KNOWN_CHANNELS, Symbol.for("asgi.channels.known_channels"));
});
