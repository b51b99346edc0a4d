import { assertEquals, assertStrictEquals } from "@std/assert";
import { type Application, KNOWN_CHANNELS, knownChannels } from "@asgi/channels/protocol";

Deno.test("knownChannels() gives what an application says", () => {
  const application: Application = async () => {};
  const routed = Object.assign(application, { [KNOWN_CHANNELS]: ["letters", "parcels"] });
  assertEquals(knownChannels(routed), ["letters", "parcels"]);
});

Deno.test("knownChannels() gives undefined for an application that doesn't say", () => {
  assertStrictEquals(knownChannels(async () => {}), undefined);
});

Deno.test("KNOWN_CHANNELS is the same symbol in every copy of the library", () => {
  assertStrictEquals(KNOWN_CHANNELS, Symbol.for("asgi.channels.known_channels"));
});
