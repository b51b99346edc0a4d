import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import {
  ChannelFullError,
  closeChannelLayers,
  configureChannelLayers,
  getChannelLayer,
  MemoryChannelLayer,
  RedisChannelLayer,
  SqliteChannelLayer,
} from "@asgi/channels";
import { isLayerUrl } from "../../src/layers/internal.ts";

const EVENT = { type: "test.event" };

/** Has the registry create a layer from a URL, and resets the registry. */
function layerOf(url: string) {
  configureChannelLayers({ other: url });
  try {
    return getChannelLayer("other");
  } finally {
    configureChannelLayers({});
  }
}

Deno.test("a layer URL's scheme chooses the layer", () => {
  assertInstanceOf(layerOf("memory:"), MemoryChannelLayer);
  assertInstanceOf(layerOf("sqlite:events.sqlite3"), SqliteChannelLayer);
  for (const url of ["redis://127.0.0.1:6379/1", "rediss://redis.test", "unix:///tmp/redis.sock"]) {
    assertInstanceOf(layerOf(url), RedisChannelLayer);
  }
});

Deno.test("a layer URL of SQLite names a path, which may be relative", () => {
  const here = Deno.cwd();
  const paths: Readonly<Record<string, string>> = {
    "sqlite:events.sqlite3": `sqlite:${here}/events.sqlite3`,
    "sqlite:./a folder/events.sqlite3": `sqlite:${here}/a folder/events.sqlite3`,
    "sqlite:/var/events.sqlite3": "sqlite:/var/events.sqlite3",
    "sqlite:///var/events.sqlite3": "sqlite:/var/events.sqlite3",
    "sqlite:": `sqlite:${here}/.channels.sqlite3`,
    "sqlite:events.sqlite3?capacity=5": `sqlite:${here}/events.sqlite3`,
  };
  for (const [url, name] of Object.entries(paths)) assertEquals(String(layerOf(url)), name);
});

Deno.test("a layer URL shows no password", () => {
  const name = String(layerOf("redis://ann:secret@127.0.0.1:6379/1?prefix=x"));
  assertEquals(name, "redis://ann:***@127.0.0.1:6379/1");
});

Deno.test("a layer URL's query sets the options", async () => {
  await using layer = layerOf("memory:?capacity=2&expiry=5e4&groupExpiry=1000&prefix=x");
  await layer.send("letters", EVENT);
  await layer.send("letters", EVENT);
  const error = await assertRejects(() => layer.send("letters", EVENT), ChannelFullError);
  assertEquals(error.capacity, 2);
  const [delivery] = await layer.receiveMany("letters", { limit: 1 });
  assert(delivery && delivery.expiresAt <= Date.now() + 50_000);
});

Deno.test("a layer URL with an unknown scheme is rejected with the known ones", () => {
  const known = "known are memory, sqlite, redis, rediss, redis+sentinel, rediss+sentinel, " +
    "redis+cluster, rediss+cluster, unix";
  for (
    const [url, scheme] of [["http://a", "http"], ["toString:", "toString"], ["x", "x"], ["", ""]]
  ) {
    const problem = `Layer URL has an unknown scheme "${scheme}": ${known}`;
    assertThrows(() => layerOf(url ?? ""), TypeError, problem);
  }
});

Deno.test("a layer URL with an unknown option is rejected with the known ones", () => {
  const known = "known are capacity, expiry, groupExpiry, prefix";
  for (const option of ["capazity", "toString", "__proto__", "Capacity"]) {
    const problem = `Layer URL has an unknown option "${option}": ${known}`;
    assertThrows(() => layerOf(`memory:?${option}=1`), TypeError, problem);
  }
});

Deno.test("a layer URL with an invalid number is rejected", () => {
  for (const text of ["", "ten", "1x", "NaN", "Infinity", "+"]) {
    const url = `memory:?capacity=${text}`;
    assertThrows(() => layerOf(url), TypeError, "Layer URL option capacity must be a number");
  }
  for (const query of ["capacity=0", "capacity=1.5", "capacity=-1", "expiry=0", "groupExpiry=-5"]) {
    assertThrows(() => layerOf(`memory:?${query}`), RangeError, "must be a positive");
  }
});

Deno.test("isLayerUrl() distinguishes a URL from an alias", () => {
  for (const url of ["memory:", "sqlite:a", "redis://x", "unknown:x"]) assert(isLayerUrl(url));
  for (const alias of ["default", "other", "", "./a:b", "1:2"]) assert(!isLayerUrl(alias));
});

Deno.test("closeChannelLayers() closes the layers created from URLs", async () => {
  configureChannelLayers({ default: "memory:", other: "memory:" });
  const [one, two] = [getChannelLayer("other"), getChannelLayer("other")];
  assertEquals(one, two);
  await closeChannelLayers();
  await assertRejects(() => one.send("letters", EVENT));
  await getChannelLayer("other").send("letters", EVENT);
  await closeChannelLayers();
  configureChannelLayers({});
});

Deno.test("RedisChannelLayer() accepts the URLs of the registry, with options in the query", async () => {
  const url = "redis://ann:secret@127.0.0.1:1/2?capacity=5&prefix=x&expiry=50000&serializer=json";
  await using layer = new RedisChannelLayer({ url });
  assertEquals(String(layer), "redis://ann:***@127.0.0.1:1/2");
  // The serializer that the query chooses refuses bytes, before anything is sent.
  await assertRejects(
    () => layer.send("letters", { ...EVENT, bytes: new Uint8Array(1) }),
    TypeError,
  );
  assertThrows(
    () => new RedisChannelLayer({ url: "redis://h?capacity=0" }),
    RangeError,
    "Capacity",
  );
  assertThrows(() => new RedisChannelLayer({ url: "redis://h?nonsense=1" }), TypeError, "nonsense");
});

Deno.test("RedisChannelLayer() rejects an option that is also in its URL", () => {
  const problem = "is given both in the URL and in the options: remove one of them";
  for (const option of ["capacity", "expiry", "prefix", "serializer"] as const) {
    const url = "redis://h?capacity=5&expiry=50&prefix=x&serializer=json";
    const given = { capacity: 5, expiry: 50, prefix: "x", serializer: "json" } as const;
    const options = { url, [option]: given[option] };
    assertThrows(() => new RedisChannelLayer(options), TypeError, `${option} ${problem}`);
  }
});

Deno.test("RedisChannelLayer() rejects options in one of several hosts", () => {
  const hosts = ["redis://one", "redis://two?capacity=5"];
  assertThrows(() => new RedisChannelLayer({ hosts }), TypeError, "Only the url of a layer may");
});
