import { existsSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { fromEnvironment } from "../layers/internal.ts";
import type { AnyApplication } from "../protocol/mod.ts";
import { looksLikeUrl } from "./options.ts";
import { UsageError } from "./terminal.ts";

/** The environment variable that names the app. */
const VARIABLE = "CHANNELS_APP";

/** The module of an app. */
export interface AppModule {
  /** The URL to import. */
  readonly url: string;
  /** The name to show, without a password. */
  readonly name: string;
}

/**
 * Returns the module of the app: the value of `--app`, the environment variable `CHANNELS_APP`,
 * `"channels": { "app": ... }` in the nearest `deno.json`, or `./app.ts`, in this order of precedence.
 *
 * @throws {UsageError} If the module does not exist.
 */
export function findAppModule(option: string | undefined): AppModule {
  const named = option ?? fromEnvironment(VARIABLE);
  if (named !== undefined) return moduleAt(named, Deno.cwd());
  const configured = fromConfiguration(Deno.cwd());
  if (configured) return moduleAt(configured.app, configured.folder);
  return moduleAt("./app.ts", Deno.cwd(), "; use --app to name another module");
}

/** Returns whether the environment or `deno.json` names an app, or `./app.ts` exists. */
export function hasAppModule(): boolean {
  return fromEnvironment(VARIABLE) !== undefined || fromConfiguration(Deno.cwd()) !== undefined ||
    existsSync("./app.ts");
}

/** Returns the app that the nearest `deno.json` names, in a folder or above it. */
function fromConfiguration(folder: string): { app: string; folder: string } | undefined {
  const file = join(folder, "deno.json");
  const text = readIfAllowed(file);
  if (text !== undefined) {
    const app = parseConfiguration(text, file).channels?.app;
    return app === undefined ? undefined : { app: String(app), folder };
  }
  const parent = dirname(folder);
  return parent === folder ? undefined : fromConfiguration(parent);
}

/** The permission to read may be limited to a folder: the folders above it are then skipped. */
function readIfAllowed(file: string): string | undefined {
  try {
    return Deno.readTextFileSync(file);
  } catch (error) {
    const isMissing = error instanceof Deno.errors.NotFound;
    if (isMissing || error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

function parseConfiguration(text: string, file: string): { channels?: { app?: unknown } } {
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(
      `${file} cannot be read as JSON without comments: use --app to name the app`,
    );
  }
}

function moduleAt(name: string, folder: string, hint = ""): AppModule {
  if (/^[a-z][a-z0-9+.-]+:/i.test(name)) return { url: name, name: withoutPassword(name) };
  const path = resolve(folder, name);
  const shown = relative(Deno.cwd(), path);
  const display = shown.startsWith("..") ? path : `./${shown}`;
  if (!existsSync(path)) {
    throw new UsageError(`module not found: ${looksLikeUrl(name) ? "a URL" : display}${hint}`);
  }
  return { url: pathToFileURL(path).href, name: display };
}

/** Returns a URL without the password that it may contain. */
function withoutPassword(url: string): string {
  return url.replace(/\/\/.*@/s, "//***@");
}

/**
 * Imports an app, and returns its export `application`, or else its default export.
 *
 * @throws {UsageError} If it cannot be loaded, or exports no application.
 */
export async function loadApplication(app: AppModule): Promise<AnyApplication> {
  const exported = await importApp(app);
  const name = ["application", "default"].find((name) => name in exported);
  if (name === undefined) {
    const found = Object.keys(exported).join(", ") || "nothing";
    throw new UsageError(
      `${app.name} does not export an application: add "export const application = ..."; ` +
        `it exports ${found}`,
    );
  }
  const application = exported[name];
  const problem = findProblem(application);
  if (problem === undefined) return application as AnyApplication;
  throw new UsageError(`${app.name} exports ${name} as ${problem}`);
}

/** Returns why a value is not an application, if it is not. */
function findProblem(value: unknown): string | undefined {
  if (value instanceof Promise) return "a promise: await it";
  if (typeof value !== "function") {
    const problem = `${
      kindOf(value)
    }: it must be a function, such as a router or a consumer's asAsgi()`;
    return hasFetch(value) ? `${problem}; fromFetchHandler() turns its fetch() into one` : problem;
  }
  // A class is a function too, but cannot be called without `new`.
  if (!/^class\b/.test(Function.prototype.toString.call(value))) return undefined;
  return `the class ${value.name}: export ${value.name}.asAsgi()`;
}

/** The apps of other frameworks, and those of `deno serve`, are objects with this method. */
function hasFetch(value: unknown): boolean {
  return typeof (value as { readonly fetch?: unknown } | null | undefined)?.fetch === "function";
}

function kindOf(value: unknown): string {
  if (value === undefined || value === null) return `${value}`;
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/**
 * Imports the module of an app.
 *
 * @throws {UsageError} If it cannot be loaded.
 * @throws {Deno.errors.NotCapable} If it lacks a permission.
 */
export async function importApp({ url, name }: AppModule): Promise<Record<string, unknown>> {
  try {
    return await import(url);
  } catch (error) {
    const reason = inOneLine(error).replaceAll(url, name);
    const Kind = error instanceof Deno.errors.NotCapable ? Deno.errors.NotCapable : UsageError;
    throw new Kind(`${name} cannot be loaded: ${reason}`);
  }
}

/**
 * Returns the error of a module in one line, with its position. Of a parser's message, only the first
 * line is used: the rest shows the source.
 */
export function inOneLine(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const [first = ""] = error.message.split("\n");
  const position = positionOf(error);
  const what = /^\w*Error: /.test(first) ? first : `${error.name}: ${first}`;
  return position && !first.includes(position) ? `${what} (${position})` : what;
}

/** Returns where an error was thrown, or what cannot be parsed; not where the module was imported. */
function positionOf(error: Error): string | undefined {
  const positions = `${error.message}\n${error.stack}`.matchAll(/\bat (?:.*\()?(\w+:[^)\s]+)/g);
  const [first] = Array.from(positions, ([, position]) => position);
  return first?.startsWith(import.meta.url) ? undefined : first;
}
