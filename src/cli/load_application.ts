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
  const application = exported.application ?? exported.default;
  if (typeof application === "function") return application as Application<ChannelScope>;
  const found = Object.keys(exported).join(", ") || "nothing";
  throw new UsageError(
    `${app.name} exports no application: it needs "export const application = ...", ` +
      `and exports ${found}`,
  );
}

/** @throws {UsageError} When the module can't be loaded. */
export async function importApp({ url, name }: AppModule): Promise<Record<string, unknown>> {
  try {
    return await import(url);
  } catch (error) {
    throw new UsageError(`${name} cannot be loaded: ${inOneLine(error)}`);
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
