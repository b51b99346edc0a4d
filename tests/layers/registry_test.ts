import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { configureChannelLayers, getChannelLayer, MemoryChannelLayer } from "@asgi/channels";
import { overrideDefaultChannelLayer } from "../../src/layers/internal.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { startScript } from "../helpers/program.ts";

const FIXTURE = new URL("../fixtures/layers/default_layer.ts", import.meta.url).pathname;

/** Puts the registry back at the end of a test. */
function freshRegistry(): Disposable {
  return {
    [Symbol.dispose]() {
      overrideDefaultChannelLayer(undefined);
      configureChannelLayers({});
    },
  };
}

/** Returns the layers of another process with this environment. */
async function layersOf(
  args: readonly string[],
  env: Record<string, string> = {},
  permissions: readonly string[] = ["-A"],
): Promise<string[]> {
  await using folder = await temporaryFolder();
  const environment = { CHANNEL_LAYER_URL: "", ...env };
  const options = { cwd: folder.path, env: environment, permissions };
  await using program = startScript(FIXTURE, args, options);
  await program.end;
  assertEquals(await Array.fromAsync(Deno.readDir(folder.path)), []);
  // A file is named by its absolute path.
  return program.stdout.all.map((line) => line.replaceAll(`${folder.path}/`, ""));
}

const FROM_ENVIRONMENT = { CHANNEL_LAYER_URL: "sqlite:environment" };

Deno.test("getChannelLayer() defaults to a file in the current directory", async () => {
  assertEquals(await layersOf([]), ["sqlite:.channels.sqlite3"]);
});

Deno.test("getChannelLayer() returns the configured layer", async () => {
  assertEquals(await layersOf(["sqlite:configured"]), ["sqlite:configured", "memory:"]);
});

Deno.test("getChannelLayer() prefers the environment to the configuration", async () => {
  const layers = await layersOf(["sqlite:configured"], FROM_ENVIRONMENT);
  assertEquals(layers, ["sqlite:environment", "memory:"]);
});

Deno.test("getChannelLayer() prefers the override to both", async () => {
  const layers = await layersOf(["sqlite:configured", "sqlite:overriding"], FROM_ENVIRONMENT);
  assertEquals(layers, ["sqlite:overriding", "memory:"]);
});

Deno.test("getChannelLayer() needs no permission to read the environment", async () => {
  const layers = await layersOf(["sqlite:configured"], FROM_ENVIRONMENT, []);
  assertEquals(layers, ["sqlite:configured", "memory:"]);
});

Deno.test("getChannelLayer() always returns the same layer", () => {
  using _registry = freshRegistry();
  const own = new MemoryChannelLayer();
  configureChannelLayers({ own, other: "memory:" });
  assertStrictEquals(getChannelLayer("own"), own);
  assertStrictEquals(getChannelLayer("other"), getChannelLayer("other"));
});

Deno.test("configureChannelLayers() replaces what was configured before", () => {
  using _registry = freshRegistry();
  configureChannelLayers({ one: "memory:" });
  const before = getChannelLayer("one");
  configureChannelLayers({ two: "memory:" });
  assertThrows(() => getChannelLayer("one"), TypeError);
  configureChannelLayers({ one: "memory:" });
  assertEquals(getChannelLayer("one") === before, false);
});

Deno.test("getChannelLayer() names the known aliases when it rejects one", () => {
  using _registry = freshRegistry();
  configureChannelLayers({ other: "memory:" });
  for (const alias of ["toString", "__proto__", ""]) {
    const problem = `No channel layer has the alias "${alias}": known are default, other`;
    assertThrows(() => getChannelLayer(alias), TypeError, problem);
  }
});

Deno.test("configureChannelLayers() opens nothing, and a bad URL throws at its first use", () => {
  using _registry = freshRegistry();
  configureChannelLayers({ bad: "redis:", good: "memory:" });
  getChannelLayer("good");
  configureChannelLayers({ bad: "carrier-pigeon:" });
  assertThrows(() => getChannelLayer("bad"), TypeError, "known are memory, sqlite, redis");
});

Deno.test("overrideDefaultChannelLayer() can be undone", () => {
  using _registry = freshRegistry();
  overrideDefaultChannelLayer("sqlite:/overriding");
  assertEquals(String(getChannelLayer()), "sqlite:/overriding");
  overrideDefaultChannelLayer("memory:");
  assertEquals(String(getChannelLayer()), "memory:");
});
