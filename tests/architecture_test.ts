import { assertEquals, assertGreater, assertLess, assertLessOrEqual } from "@std/assert";

const SOURCE = new URL("../src/", import.meta.url);

/** The command line says the version that is in there. */
const MANIFEST = new URL("../deno.json", import.meta.url);

/** Who may import whom: by folder, down only. `errors` is a file, and on the ground as `protocol`. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  errors: [],
  routing: ["protocol", "errors"],
  layers: ["protocol", "errors"],
  consumers: ["protocol", "errors", "layers"],
  worker: ["protocol", "errors", "layers"],
  testing: ["protocol", "errors", "layers"],
  cli: ["protocol", "errors", "layers", "worker"],
};

/** Who may name what isn't ours: a file, or a folder. `node:` modules not listed are anybody's. */
const OWNERS: Readonly<Record<string, string>> = {
  redis: "layers/redis/client/node_redis.ts",
  "node:sqlite": "layers/sqlite/database.ts",
  "@msgpack/msgpack": "layers/msgpack.ts",
  "@std/cli": "cli/",
  "@std/assert": "testing/",
  "fast-check": "testing/",
};

interface SourceFile {
  /** Its path from `src`. */
  readonly path: string;
  readonly text: string;
  readonly lines: number;
}

/** What a file names in its imports and re-exports, static and dynamic, comments left aside. */
function importsOf(text: string): string[] {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/^\s*\/\/.*$/gm, "");
  const statics = code.matchAll(
    /^\s*(?:import|export)\b(?:[\w\s{},*]*\bfrom)?\s*["']([^"']+)["']/gm,
  );
  const dynamics = code.matchAll(/\bimport\(\s*["']([^"']+)["']/g);
  return [...statics, ...dynamics].map(([, target = ""]) => target);
}

/** Whether a file of `src` may import something. */
function mayImport(path: string, target: string): boolean {
  if (!target.startsWith(".")) return mayName(path, target);
  const resolved = new URL(target, new URL(path, SOURCE)).href;
  if (resolved === MANIFEST.href) return floorOf(path) === "cli";
  if (!resolved.startsWith(SOURCE.href)) return false;
  const [from, to] = [path, resolved.slice(SOURCE.href.length)];
  if (floorOf(from) === floorOf(to)) return true;
  const doors = [`${floorOf(to)}/mod.ts`, `${floorOf(to)}/internal.ts`, "errors.ts"];
  return doors.includes(to) && (MAY_IMPORT[floorOf(from)] ?? []).includes(floorOf(to));
}

function mayName(path: string, target: string): boolean {
  const owner = OWNERS[packageOf(target)];
  if (owner === undefined) return target.startsWith("node:");
  return owner.endsWith("/") ? path.startsWith(owner) : path === owner;
}

/** `"@std/cli"` for `"@std/cli/parse-args"`. */
function packageOf(target: string): string {
  return target.split("/", target.startsWith("@") ? 2 : 1).join("/");
}

/** The folder of a file, or the file's own name in `src` itself. */
function floorOf(path: string): string {
  const [first = ""] = path.split("/");
  return first.replace(/\.ts$/, "");
}

async function readSource(folder = SOURCE): Promise<SourceFile[]> {
  const files: SourceFile[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) {
      files.push(...await readSource(new URL(`${name}/`, folder)));
      continue;
    }
    const url = new URL(name, folder);
    const text = await Deno.readTextFile(url);
    const path = url.href.slice(SOURCE.href.length);
    files.push({ path, text, lines: text.trimEnd().split("\n").length });
  }
  return files;
}

const files = await readSource();

Deno.test("importsOf() finds every way to import", () => {
  const text = `
    import { a } from "./a.ts";
    import type { B } from './b.ts';
    import "./c.ts";
    import * as d from "d";
    import {
      type E,
      f,
    } from "./e.ts";
    export { g } from "./g.ts";
    export * from "./h.ts";
    const i = await import("./i.ts");
    /** import { j } from "./j.ts"; */
    // import { k } from "./k.ts";
    export const l = "./l.ts";
    export type M = { readonly from: "./m.ts" };
    throw new TypeError("import it from './n.ts'");
  `;
  const expected = ["./a.ts", "./b.ts", "./c.ts", "d", "./e.ts", "./g.ts", "./h.ts", "./i.ts"];
  assertEquals(importsOf(text), expected);
});

Deno.test("mayImport() knows what is allowed", () => {
  const allowed = [
    ["worker/worker.ts", "../layers/mod.ts"],
    ["worker/worker.ts", "../layers/internal.ts"],
    ["worker/worker.ts", "../errors.ts"],
    ["worker/worker.ts", "./report.ts"],
    ["layers/redis/redis_store.ts", "../../errors.ts"],
    ["layers/redis/redis_store.ts", "../store.ts"],
    ["layers/redis/client/node_redis.ts", "redis"],
    ["layers/sqlite/doorbell.ts", "node:fs"],
    ["cli/main.ts", "@std/cli/parse-args"],
    ["cli/main.ts", "../../deno.json"],
  ] as const;
  for (const [path, target] of allowed) {
    assertEquals(mayImport(path, target), true, `${path} may import ${target}`);
  }
});

Deno.test("mayImport() knows what isn't", () => {
  const refused = [
    ["worker/worker.ts", "../layers/memory.ts"],
    ["worker/worker.ts", "../consumers/mod.ts"],
    ["worker/worker.ts", "../routing/mod.ts"],
    ["routing/mod.ts", "../worker/mod.ts"],
    ["layers/redis/redis_store.ts", "../../worker/mod.ts"],
    ["protocol/mod.ts", "../errors.ts"],
    ["errors.ts", "./protocol/mod.ts"],
    ["worker/worker.ts", "../../mod.ts"],
    ["cli/main.ts", "../../cli.ts"],
    ["worker/worker.ts", "../../deno.json"],
    ["worker/worker.ts", "redis"],
    ["layers/redis.ts", "redis"],
    ["layers/sqlite.ts", "node:sqlite"],
    ["worker/worker.ts", "@std/cli"],
    ["cli/main.ts", "@std/assert"],
    ["cli/main.ts", "@std/cli-next"],
    ["layers/memory.ts", "left-pad"],
    ["layers/memory.ts", "@asgi/channels"],
    ["layers/memory.ts", "jsr:@std/assert"],
  ] as const;
  for (const [path, target] of refused) {
    assertEquals(mayImport(path, target), false, `${path} may not import ${target}`);
  }
});

Deno.test("src imports only downwards, through the front, and what it owns", () => {
  const offences = files.flatMap(({ path, text }) =>
    importsOf(text)
      .filter((target) => !mayImport(path, target))
      .map((target) => `${path} imports ${target}`)
  );
  assertEquals(offences, []);
});

Deno.test("src has only folders that the floors know", () => {
  const unknown = new Set(files.map(({ path }) => floorOf(path)));
  for (const floor of Object.keys(MAY_IMPORT)) unknown.delete(floor);
  assertEquals([...unknown], []);
});

Deno.test("src has a front door in every folder", () => {
  const paths = files.map(({ path }) => path);
  const floors = new Set(paths.filter((path) => path.includes("/")).map(floorOf));
  // The command line is used by its executable alone.
  floors.delete("cli");
  assertEquals([...floors].filter((floor) => !paths.includes(`${floor}/mod.ts`)), []);
});

Deno.test("src has small files", () => {
  const sizes = files.map(({ path, lines }) => ({ path, lines }))
    .sort((one, other) => one.lines - other.lines);
  assertGreater(sizes.length, 40);
  const longest = sizes.at(-1);
  assertLessOrEqual(longest?.lines ?? 0, 300, `${longest?.path} is long`);
  assertLess(sizes[Math.floor(sizes.length / 2)]?.lines ?? 0, 120);
});

Deno.test("src prints nothing: standard output belongs to the application", () => {
  const prints = (line: string) => /\bconsole\./.test(line) && !/^\s*(\*|\/\/)/.test(line);
  const offences = files.filter(({ text }) => text.split("\n").some(prints));
  assertEquals(offences.map(({ path }) => path), []);
});
