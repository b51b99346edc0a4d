import type { LogEntry } from "../worker/mod.ts";

/** How a log is written. */
export type LogFormat = "text" | "json";

/** Writes an entry as one line; line breaks in a stack become ` | `. */
export function formatEntry(entry: LogEntry, format: LogFormat, now: Date): string {
  return format === "json" ? formatJson(entry, now) : formatText(entry, now);
}

function formatText({ level, message, channel, type, error }: LogEntry, now: Date): string {
  const details = [
    channel === undefined ? "" : ` channel=${channel}`,
    type === undefined ? "" : ` type=${JSON.stringify(type)}`,
    error === undefined ? "" : ` ${stackOf(error).replaceAll(/\s*\n\s*/g, " | ")}`,
  ];
  return `${now.toISOString()} ${level.padEnd(5)} ${withoutBreaks(message)}${details.join("")}`;
}

function formatJson({ error, ...entry }: LogEntry, now: Date): string {
  const thrown = error === undefined ? {} : { error: stackOf(error) };
  return JSON.stringify({ time: now.toISOString(), ...entry, ...thrown });
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return `thrown: ${Deno.inspect(error)}`;
  const stack = error.stack ?? `${error.name}: ${error.message}`;
  return error.cause === undefined ? stack : `${stack}\ncaused by ${stackOf(error.cause)}`;
}

function withoutBreaks(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, " ");
}
