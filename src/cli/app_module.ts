import { existsSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { looksLikeUrl } from "./options.ts";
import { UsageError } from "./terminal.ts";

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

/** What a variable says, unless it is empty, or Deno may not read it. */
export function fromEnvironment(variable: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  return state === "granted" ? Deno.env.get(variable) || undefined : undefined;
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
