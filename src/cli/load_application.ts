import type { Application, ChannelScope } from "../protocol/mod.ts";
import type { AppModule } from "./app_module.ts";
import { UsageError } from "./terminal.ts";

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
