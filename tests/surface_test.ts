import { assertEquals } from "@std/assert";
import manifest from "../deno.json" with { type: "json" };

/** What each entry point exports, as values: a name more or less is a decision, not an accident. */
const SURFACE: Readonly<Record<string, readonly string[]>> = {
  ".": [
    "AsyncConsumer",
    "AsyncEventSourceConsumer",
    "AsyncHttpConsumer",
    "AsyncJsonWebsocketConsumer",
    "AsyncWebsocketConsumer",
    "ChannelFullError",
    "ChannelNameRouter",
    "ChannelsError",
    "ConnectionClosedError",
    "ConsumerConfigurationError",
    "InvalidEventError",
    "LayerClosedError",
    "LayerConfigurationError",
    "LayerUnavailableError",
    "LifespanError",
    "MemoryChannelLayer",
    "MessageTooLargeError",
    "NoHandlerError",
    "NoRouteError",
    "ProtocolTypeRouter",
    "RedisChannelLayer",
    "SendTimeoutError",
    "ShutdownTimeoutError",
    "SqliteChannelLayer",
    "StopConsumer",
    "SyncConsumer",
    "ThreadError",
    "URLRouter",
    "UndecodableMessageError",
    "Worker",
    "closeChannelLayers",
    "configureChannelLayers",
    "fromFetchHandler",
    "getChannelLayer",
    "serve",
    "toFetchHandler",
  ],
  // A program: it exports nothing, and does nothing when it is imported.
  "./cli": [],
  "./consumers": [
    "AsyncConsumer",
    "AsyncEventSourceConsumer",
    "AsyncHttpConsumer",
    "AsyncJsonWebsocketConsumer",
    "AsyncWebsocketConsumer",
    "BaseConsumer",
    "StopConsumer",
    "SyncConsumer",
  ],
  "./layers": [
    "BaseChannelLayer",
    "MemoryChannelLayer",
    "RedisChannelLayer",
    "SqliteChannelLayer",
    "closeChannelLayers",
    "configureChannelLayers",
    "getChannelLayer",
    "layerSettings",
    "msgpackCodec",
  ],
  "./layers/memory": ["MemoryChannelLayer"],
  "./layers/redis": ["RedisChannelLayer"],
  "./layers/sqlite": ["SqliteChannelLayer"],
  "./protocol": [],
  "./routing": ["ChannelNameRouter", "ProtocolTypeRouter", "URLRouter"],
  "./server": ["fromFetchHandler", "serve", "toFetchHandler"],
  "./testing": [
    "ApplicationCommunicator",
    "HttpCommunicator",
    "TestResponse",
    "WebsocketCommunicator",
  ],
  "./testing/conformance": ["testChannelLayer"],
  "./types": [],
  "./worker": ["Worker"],
};

Deno.test("deno.json has the entry points that are listed here", () => {
  assertEquals(Object.keys(manifest.exports).sort(), Object.keys(SURFACE).sort());
});

for (const [entryPoint, path] of Object.entries(manifest.exports)) {
  Deno.test(`${entryPoint} exports the names that are listed here`, async () => {
    const module: Record<string, unknown> = await import(
      new URL(`../${path}`, import.meta.url).href
    );
    assertEquals(Object.keys(module).sort(), SURFACE[entryPoint]);
  });
}

Deno.test("mod.ts exports what the entry points export", async () => {
  const front: Record<string, unknown> = await import("@asgi/channels");
  for (const name of ["consumers", "layers", "protocol", "routing", "server", "worker"]) {
    const module: Record<string, unknown> = await import(`../src/${name}/mod.ts`);
    for (const [key, value] of Object.entries(module)) {
      if (key in front) assertEquals(front[key] === value, true, `${key} is the same`);
    }
  }
});
