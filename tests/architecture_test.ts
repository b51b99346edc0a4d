import { assertEquals, assertLess, assertLessOrEqual } from "@std/assert";

const SOURCE = new URL("../src/", import.meta.url);
const TESTS = new URL("./", import.meta.url);

/** The command line reads the version from here. */
const MANIFEST = new URL("../deno.json", import.meta.url);

/** Which folders may import which: down only. `async` and `printable` are files. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  printable: [],
  async: [],
  errors: ["printable"],
  protocol: ["errors", "printable"],
  routing: ["protocol", "errors", "printable"],
  layers: ["protocol", "async", "errors", "printable"],
  threads: ["protocol", "async", "errors", "printable"],
  consumers: ["protocol", "async", "errors", "printable", "layers", "threads"],
  worker: ["protocol", "async", "errors", "printable", "layers"],
  server: ["protocol", "async", "errors", "printable"],
  testing: ["protocol", "async", "errors", "printable", "layers"],
  cli: ["protocol", "async", "errors", "printable", "layers", "worker", "server", "threads"],
};

/** The two doors of a folder: what users get, and what other folders may use besides. */
const DOORS: readonly string[] = ["mod.ts", "internal.ts"];

/** The one owner of each outside module: a file or a folder. Other `node:` modules are free. */
const OWNERS: Readonly<Record<string, string>> = {
  redis: "layers/redis/connection/node_redis.ts",
  "node:sqlite": "layers/sqlite/",
  "@msgpack/msgpack": "layers/messages/msgpack.ts",
  "@std/cli": "cli/",
  "@std/assert": "testing/",
  "fast-check": "testing/conformance/",
};

/** The conformance suite is a collection of tests, and is measured as such. */
const SUITE = "testing/conformance/";

interface SourceFile {
  /** The path relative to `src`, or to `tests`. */
  readonly path: string;
  readonly text: string;
  readonly lines: number;
}

/** Returns the specifiers of all imports and re-exports, static and dynamic, outside comments. */
function importsOf(text: string): string[] {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/^\s*\/\/.*$/gm, "");
  const statics = code.matchAll(
    /^\s*(?:import|export)\b(?:[\w\s{},*]*\bfrom)?\s*["']([^"']+)["']/gm,
  );
  const dynamics = code.matchAll(/\bimport\(\s*["']([^"']+)["']/g);
  return [...statics, ...dynamics].map(([, target = ""]) => target);
}

/** Returns whether a file of `src` may import a specifier. */
function mayImport(path: string, target: string): boolean {
  if (!target.startsWith(".")) return mayName(path, target);
  const resolved = new URL(target, new URL(path, SOURCE)).href;
  if (resolved === MANIFEST.href) return floorOf(path) === "cli";
  if (!resolved.startsWith(SOURCE.href)) return false;
  const to = resolved.slice(SOURCE.href.length);
  if (floorOf(path) === floorOf(to)) return true;
  const isDoor = to === `${floorOf(to)}.ts` ||
    DOORS.some((door) => to === `${floorOf(to)}/${door}`);
  return isDoor && (MAY_IMPORT[floorOf(path)] ?? []).includes(floorOf(to));
}

function mayName(path: string, target: string): boolean {
  const owner = OWNERS[packageOf(target)];
  if (owner === undefined) return target.startsWith("node:");
  return owner.endsWith("/") ? path.startsWith(owner) : path === owner;
}

/** Returns `"@std/cli"` for `"@std/cli/parse-args"`. */
function packageOf(target: string): string {
  return target.split("/", target.startsWith("@") ? 2 : 1).join("/");
}

/** Returns the folder of a file, or the name of a file that lies in `src` itself. */
function floorOf(path: string): string {
  const [first = ""] = path.split("/");
  return first.replace(/\.ts$/, "");
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1);
}

function isHelper({ path }: { readonly path: string }): boolean {
  return path.startsWith("helpers/");
}

async function readSource(folder: URL, root = folder): Promise<SourceFile[]> {
  const files: SourceFile[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) {
      files.push(...await readSource(new URL(`${name}/`, folder), root));
      continue;
    }
    const url = new URL(name, folder);
    const text = await Deno.readTextFile(url);
    const path = url.href.slice(root.href.length);
    files.push({ path, text, lines: text.trimEnd().split("\n").length });
  }
  return files;
}

/** Returns the files of `src` that a file imports. */
function neighborsOf({ path, text }: SourceFile): string[] {
  return importsOf(text)
    .filter((target) => target.startsWith("."))
    .map((target) => new URL(target, new URL(path, SOURCE)).href.slice(SOURCE.href.length));
}

/** Returns a cycle among the files of a graph, if there is one. */
function findCycle(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): string[] | undefined => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (done.has(path)) return;
    for (const next of graph.get(path) ?? []) {
      const cycle = visit(next, [...trail, path]);
      if (cycle) return cycle;
    }
    done.add(path);
  };
  for (const path of graph.keys()) {
    const cycle = visit(path, []);
    if (cycle) return cycle;
  }
}

const files = await readSource(SOURCE);
const tests = (await readSource(TESTS)).filter(({ path }) => path.endsWith(".ts"));
const code = files.filter(({ path }) => !path.startsWith(SUITE));
const graph = new Map(files.map((file) => [file.path, neighborsOf(file)]));

Deno.test("importsOf() finds every kind of import", () => {
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

Deno.test("mayImport() accepts what the layering allows", () => {
  const allowed = [
    ["worker/worker.ts", "../layers/mod.ts"],
    ["worker/worker.ts", "../layers/internal.ts"],
    ["worker/worker.ts", "../errors/mod.ts"],
    ["consumers/sync/thread.ts", "../../threads/internal.ts"],
    ["cli/threads/serve.ts", "../../threads/internal.ts"],
    ["worker/worker.ts", "./log.ts"],
    ["layers/redis/store.ts", "../../errors/mod.ts"],
    ["layers/redis/store.ts", "../store.ts"],
    ["layers/redis/connection/node_redis.ts", "redis"],
    ["layers/sqlite/change_watcher.ts", "node:fs"],
    ["cli/main.ts", "@std/cli/parse-args"],
    ["cli/main.ts", "../../deno.json"],
  ] as const;
  for (const [path, target] of allowed) {
    assertEquals(mayImport(path, target), true, `${path} may import ${target}`);
  }
});

Deno.test("mayImport() rejects everything else", () => {
  const refused = [
    ["worker/worker.ts", "../layers/memory/mod.ts"],
    ["worker/worker.ts", "../layers/names.ts"],
    ["worker/worker.ts", "../consumers/mod.ts"],
    ["worker/worker.ts", "../routing/mod.ts"],
    ["worker/worker.ts", "../threads/internal.ts"],
    ["threads/thread.ts", "../layers/mod.ts"],
    ["consumers/sync/thread.ts", "../../threads/thread.ts"],
    ["routing/mod.ts", "../worker/mod.ts"],
    ["routing/mod.ts", "../layers/internal.ts"],
    ["layers/redis/store.ts", "../../worker/mod.ts"],
    ["errors.ts", "./protocol/mod.ts"],
    ["worker/worker.ts", "../../mod.ts"],
    ["cli/main.ts", "../../cli.ts"],
    ["worker/worker.ts", "../../deno.json"],
    ["worker/worker.ts", "redis"],
    ["layers/redis/mod.ts", "redis"],
    ["layers/redis/mod.ts", "node:sqlite"],
    ["worker/worker.ts", "@std/cli"],
    ["cli/main.ts", "@std/assert"],
    ["testing/communicator.ts", "fast-check"],
    ["cli/main.ts", "@std/cli-next"],
    ["layers/memory/mod.ts", "left-pad"],
    ["layers/memory/mod.ts", "@asgi/channels"],
    ["layers/memory/mod.ts", "jsr:@std/assert"],
  ] as const;
  for (const [path, target] of refused) {
    assertEquals(mayImport(path, target), false, `${path} may not import ${target}`);
  }
});

Deno.test("findCycle() finds a cycle, and none where there is none", () => {
  assertEquals(findCycle(new Map([["a", ["b", "c"]], ["b", ["c"]], ["c", []]])), undefined);
  assertEquals(findCycle(new Map([["a", ["b"]], ["b", ["c"]], ["c", ["b"]]])), ["b", "c", "b"]);
});

Deno.test("src imports only downwards, through a door, and what it owns", () => {
  const offences = files.flatMap(({ path, text }) =>
    importsOf(text)
      .filter((target) => !mayImport(path, target))
      .map((target) => `${path} imports ${target}`)
  );
  assertEquals(offences, []);
});

Deno.test("src has no import cycle", () => {
  assertEquals(findCycle(graph), undefined);
});

Deno.test("src has only the folders of the layering", () => {
  const unknown = new Set(files.map(({ path }) => floorOf(path)));
  for (const floor of Object.keys(MAY_IMPORT)) unknown.delete(floor);
  assertEquals([...unknown], []);
});

Deno.test("src has a door in every folder that others import", () => {
  const paths = new Set(files.map(({ path }) => path));
  const floors = new Set([...paths].filter((path) => path.includes("/")).map(floorOf));
  // The command line is only used by its executable.
  floors.delete("cli");
  const closed = [...floors].filter((floor) =>
    !DOORS.some((door) => paths.has(`${floor}/${door}`))
  );
  assertEquals(closed, []);
});

Deno.test("src and tests have no long files", () => {
  assertEquals([...files, ...tests].filter(({ lines }) => lines > 300).map(({ path }) => path), []);
});

Deno.test("src has at most 8.5 files for each 1,000 lines", () => {
  const lines = code.reduce((sum, file) => sum + file.lines, 0);
  assertLessOrEqual(code.length / lines * 1_000, 8.5);
});

Deno.test("src has few small files that only one other file imports", () => {
  const importers = (path: string) => [...graph.values()].filter((to) => to.includes(path)).length;
  const isDoor = (path: string) => DOORS.some((door) => path.endsWith(`/${door}`));
  const small = code.filter(({ path, lines }) => lines < 60 && !isDoor(path));
  const alcoves = small.filter(({ path }) => importers(path) === 1).map(({ path }) => path);
  assertLess(alcoves.length, 9, alcoves.join(", "));
});

Deno.test("src has no folder of more than 14 files", () => {
  const folders = Map.groupBy(code, ({ path }) => folderOf(path));
  const crowded = [...folders].filter(([, { length }]) => length > 14).map(([folder]) => folder);
  assertEquals(crowded, []);
});

Deno.test("src prints nothing on standard output, which belongs to the application", () => {
  const prints = (line: string) =>
    /\bconsole\.(?!warn|error)/.test(line) && !/^\s*(\*|\/\/)/.test(line);
  const offences = files.filter(({ text }) => text.split("\n").some(prints));
  assertEquals(offences.map(({ path }) => path), []);
});

Deno.test("tests/helpers imports nothing of tests but fixtures", () => {
  const imports = tests.filter(isHelper).flatMap(({ text }) => importsOf(text));
  const offences = imports.filter((target) => /^\.\.\/(?!fixtures\/|\.\.\/src\/)/.test(target));
  assertEquals(offences, []);
});

Deno.test("tests has each function of tests/helpers once", () => {
  const functions = tests.flatMap(({ path, text }) =>
    [...text.matchAll(/^(export )?(?:async )?function\*? (\w+)/gm)]
      .map(([, isExported, name]) => ({ path, name, isExported }))
  );
  const helpers = functions.filter((one) => isHelper(one) && one.isExported);
  const isCopy = ({ name }: { name?: string | undefined }) =>
    helpers.some((one) => one.name === name);
  const copies = functions.filter((one) => !isHelper(one) && isCopy(one));
  assertEquals(copies, []);
  assertEquals(helpers.length, new Set(helpers.map(({ name }) => name)).size);
});
