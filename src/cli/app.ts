import { existsSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { fromEnvironment } from "../layers/internal.ts";
import type { Application, ChannelScope } from "../protocol/mod.ts";
import { looksLikeUrl } from "./options.ts";
import { UsageError } from "./terminal.ts";

export { fromEnvironment };

/** The environment's word for the app. */
const VARIABLE = "CHANNELS_APP";

/** Where an app is. */
export interface AppModule {
  /** What to import. */
  readonly url: string;
  /** What to call it in messages. */
  readonly name: string;
}

/**
 * Finds the module of the app: what the option says, else the environment's `CHANNELS_APP`, else
 * `"channels": { "app": ... }` of the nearest `deno.json`, else `./app.ts`.
 *
 * @throws {UsageError} When the module that was named isn't there.
 */
export function findAppModule(option: string | undefined): AppModule {
  const named = option ?? fromEnvironment(VARIABLE);
  if (named !== undefined) return moduleAt(named, Deno.cwd());
  const configured = fromConfiguration(Deno.cwd());
  if (configured) return moduleAt(configured.app, configured.folder);
  return moduleAt("./app.ts", Deno.cwd(), "; name another with --app");
}

/** Whether there is anything that names an app, or an app where one is expected. */
export function hasAppModule(): boolean {
  return fromEnvironment(VARIABLE) !== undefined || fromConfiguration(Deno.cwd()) !== undefined ||
    existsSync("./app.ts");
}

/** What `deno.json` of a folder, or of the nearest one above it that has one, says of the app. */
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

/** A program that may read its own folder only needn't be allowed to look above it. */
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
    throw new UsageError(`${file} is no plain JSON: name the app with --app`);
  }
}

function moduleAt(name: string, folder: string, hint = ""): AppModule {
  if (/^[a-z][a-z0-9+.-]+:/i.test(name)) return { url: name, name: withoutPassword(name) };
  const path = resolve(folder, name);
  const shown = relative(Deno.cwd(), path);
  const display = shown.startsWith("..") ? path : `./${shown}`;
  if (!existsSync(path)) {
    throw new UsageError(`no such module: ${looksLikeUrl(name) ? "a URL" : display}${hint}`);
  }
  return { url: pathToFileURL(path).href, name: display };
}

/** A URL without the password that it may hold. */
function withoutPassword(url: string): string {
  return url.replace(/\/\/.*@/s, "//***@");
}

/**
 * Imports an app.
 *
 * @returns What it exports as `application`, or else by default.
 * @throws {UsageError} When it can't be loaded, or exports no application.
 */
export async function loadApplication(app: AppModule): Promise<Application<ChannelScope>> {
  const exported = await importApp(app);
  const name = ["application", "default"].find((name) => name in exported);
  if (name === undefined) {
    const found = Object.keys(exported).join(", ") || "nothing";
    throw new UsageError(
      `${app.name} exports no application: it needs "export const application = ...", ` +
        `and exports ${found}`,
    );
  }
  const application = exported[name];
  const problem = problemWith(application);
  if (problem === undefined) return application as Application<ChannelScope>;
  throw new UsageError(`${app.name} exports ${name} as ${problem}`);
}

/** Why a value is no application, if so. */
function problemWith(value: unknown): string | undefined {
  if (value instanceof Promise) return "a promise: await it";
  if (typeof value !== "function") {
    return `${kindOf(value)}: it must be a function, such as a router or a consumer's asAsgi()`;
  }
  // A class is a function too, but not one that can be called.
  if (!/^class\b/.test(Function.prototype.toString.call(value))) return undefined;
  return `the class ${value.name}: export ${value.name}.asAsgi()`;
}

function kindOf(value: unknown): string {
  if (value === undefined || value === null) return `${value}`;
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/**
 * Imports the module of an app.
 *
 * @throws {UsageError} If it can't be loaded.
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
 * Says what went wrong with a module. The first line of a parser's message holds what is needed;
 * the rest draws a picture.
 */
export function inOneLine(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const [first = ""] = error.message.split("\n");
  const place = placeOf(error);
  const what = /^\w*Error: /.test(first) ? first : `${error.name}: ${first}`;
  return place && !first.includes(place) ? `${what} (${place})` : what;
}

/** Where it was thrown, or what can't be parsed; not where it was imported. */
function placeOf(error: Error): string | undefined {
  const places = `${error.message}\n${error.stack}`.matchAll(/\bat (?:.*\()?(\w+:[^)\s]+)/g);
  const [first] = Array.from(places, ([, place]) => place);
  return first?.startsWith(import.meta.url) ? undefined : first;
}
