import { assertEquals } from "@std/assert";
import manifest from "../deno.json" with { type: "json" };

/** What each entry point exports, as values: a name more or less is a decision, not an accident. */
const SURFACE: Readonly<Record<string, readonly string[]>> = {
  ".": [
    "AsyncConsumer",
    "ChannelFullError",
    "ChannelNameRouter",
    "ChannelsError",
    "ConsumerUnusableError",
    "Counter",
    "KNOWN_CHANNELS",
    "LayerClosedError",
    "LayerConfigurationError",
    "LayerUnavailableError",
    "MemoryChannelLayer",
    "MessageTooLargeError",
    "NoHandlerError",
    "NoRouteError",
    "PREPARE",
    "ProtocolTypeRouter",
    "RedisChannelLayer",
    "SendTimeoutError",
    "ServerStoppedError",
    "ShutdownTimeoutError",
    "SqliteChannelLayer",
    "StopConsumer",
    "SyncConsumer",
    "ThreadDiedError",
    "TimeLimitError",
    "UndecodableMessageError",
    "Worker",
    "closeChannelLayers",
    "configureChannelLayers",
    "getChannelLayer",
    "knownChannels",
    "prepare",
  ],
  // A program: it exports nothing, and does nothing when it is imported.
  "./cli": [],
  "./consumers": ["AsyncConsumer", "StopConsumer", "SyncConsumer"],
  "./layers": [
    "BaseChannelLayer",
    "MemoryChannelLayer",
    "RedisChannelLayer",
    "SqliteChannelLayer",
    "checkChannelName",
    "closeChannelLayers",
    "configureChannelLayers",
    "getChannelLayer",
    "isLayerUrl",
    "layerSettings",
    "msgpackCodec",
    "overrideDefaultChannelLayer",
    "redirectWarnings",
  ],
  "./layers/memory": ["MemoryChannelLayer"],
  "./layers/redis": ["RedisChannelLayer"],
  "./layers/sqlite": ["SqliteChannelLayer"],
  "./protocol": ["KNOWN_CHANNELS", "PREPARE", "knownChannels", "prepare", "together"],
  "./routing": ["ChannelNameRouter", "ProtocolTypeRouter"],
  "./testing": ["ApplicationCommunicator", "testChannelLayer"],
  "./worker": ["Counter", "Worker"],
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
  for (const name of ["consumers", "layers", "protocol", "routing", "worker"]) {
    const module: Record<string, unknown> = await import(`../src/${name}/mod.ts`);
    for (const [key, value] of Object.entries(module)) {
      if (key in front) assertEquals(front[key] === value, true, `${key} is the same`);
    }
  }
});
