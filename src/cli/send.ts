import { ChannelFullError, ChannelsError } from "../errors.ts";
import { type ChannelLayer, closeChannelLayers } from "../layers/mod.ts";
import { printable } from "../printable.ts";
import type { Message } from "../protocol/mod.ts";
import { noteLayer, openLayer } from "./layer.ts";
import { checkChannel, looksLikeUrl, type Options } from "./options.ts";
import { ExitCode, type Terminal, UsageError } from "./terminal.ts";

/** What `send --help` says. */
export const SEND_HELP = `Sends events to a channel.

Usage: send CHANNEL EVENT... [options]

  EVENT is JSON with a "type"; - reads one such event a line from standard input.

  --layer URL|ALIAS    where to send: sqlite:PATH, redis://HOST, or an alias
                       (else CHANNEL_LAYER_URL, the app's own, sqlite:.channels.sqlite3)
  --app MODULE         the module that configures the layers, loaded if no URL names the layer
                       (else CHANNELS_APP, "channels.app" in deno.json, ./app.ts)
  --wait               wait for capacity when the channel is full
  -q, --quiet          log errors only
  -h, --help           show this
  -V, --version        show the version

Exits with 0 if all events were sent, with 1 if not, with 2 for a mistake in the command line.

Example: send thumbnails-generate '{"type":"generate","id":123456789}'`;

/** The options of `send`. */
export const SEND_OPTIONS = {
  values: ["app", "layer"],
  switches: ["wait", "quiet"],
  short: { q: "quiet" },
};

/** How many events are sent in one go. */
const BATCH = 100;

/** Sends events to a channel. */
export async function send(options: Options, terminal: Terminal): Promise<ExitCode> {
  const [channel, ...texts] = options.positionals;
  if (channel === undefined) throw new UsageError("send needs the name of a channel");
  if (texts.length === 0) throw new UsageError("send needs an event, or - for standard input");
  checkChannel(channel);
  const events = parseAll(texts, terminal);
  noteLayer(options.value("layer"));
  try {
    const [wait, quiet] = [options.has("wait"), options.has("quiet")];
    const layer = await openLayer(options, quiet ? () => {} : terminal.complain);
    return await sendAll(layer, channel, { events, terminal, wait, quiet });
  } finally {
    await closeChannelLayers();
    noteLayer(undefined);
  }
}

/** The events in their order; those on the command line are checked before the first is sent. */
function parseAll(texts: readonly string[], terminal: Terminal): () => AsyncGenerator<Message> {
  const parsed = texts.map((text) => text === "-" ? text : parseEvent(text, "EVENT"));
  return async function* () {
    for (const event of parsed) {
      if (event === "-") yield* parseLines(terminal);
      else yield event as Message;
    }
  };
}

async function* parseLines(terminal: Terminal): AsyncGenerator<Message> {
  let number = 0;
  for await (const line of terminal.lines()) {
    number++;
    if (line.trim() !== "") yield parseEvent(line, `line ${number}`);
  }
}

async function sendAll(
  layer: ChannelLayer,
  channel: string,
  { events, terminal, wait, quiet }: {
    readonly events: () => AsyncGenerator<Message>;
    readonly terminal: Terminal;
    readonly wait: boolean;
    readonly quiet: boolean;
  },
): Promise<ExitCode> {
  let sent = 0;
  try {
    for await (const batch of inBatches(events())) {
      await layer.sendMany(channel, batch, { waitForCapacity: wait, signal: terminal.stop });
      sent += batch.length;
    }
    return ExitCode.ok;
  } catch (error) {
    if (error instanceof ChannelFullError) sent += error.accepted;
    return explain(error, terminal);
  } finally {
    if (!quiet && sent > 0) {
      terminal.complain(`Sent ${count(sent)} to ${channel} (layer ${layer.url})`);
    }
  }
}

/** What was read before a line that is no event is still sent. */
async function* inBatches(events: AsyncIterable<Message>): AsyncGenerator<Message[]> {
  let batch: Message[] = [];
  try {
    for await (const event of events) {
      if (batch.push(event) < BATCH) continue;
      yield batch;
      batch = [];
    }
  } catch (error) {
    if (batch.length > 0) yield batch;
    throw error;
  }
  if (batch.length > 0) yield batch;
}

/** @throws {UsageError} When the event has something that may not travel. */
function explain(error: unknown, terminal: Terminal): ExitCode {
  if (terminal.stop.aborted) {
    terminal.complain("error: stopped by a signal before all was sent");
    return ExitCode.failed;
  }
  if (error instanceof TypeError) throw new UsageError(`EVENT cannot be sent: ${error.message}`);
  if (!(error instanceof ChannelsError)) throw error;
  terminal.complain(`error: ${error instanceof ChannelFullError ? full(error) : error.message}`);
  return ExitCode.failed;
}

/** The library's own message advises an option of `layer.send()`. */
function full({ channel, capacity, accepted }: ChannelFullError): string {
  const some = accepted > 0 ? `, and accepted the first ${count(accepted)} of the last batch` : "";
  return `channel ${channel} is full: its capacity is ${capacity}${some}; send later, or use --wait`;
}

function count(events: number): string {
  return events === 1 ? "1 event" : `${events} events`;
}

/**
 * Reads an event that was written as JSON; integers that a number can't hold become a `bigint`.
 *
 * @param text The JSON.
 * @param where Where it stands, for the error.
 * @throws {UsageError} When it is no event.
 */
export function parseEvent(text: string, where: string): Message {
  if (looksLikeUrl(text)) {
    throw new UsageError(`there is a URL of a layer in the place of ${where}: use --layer`);
  }
  const value = parseJson(text, where);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UsageError(
      `${where} must be an object, such as {"type":"generate","id":1}: ${shown(text)}`,
    );
  }
  if (typeof (value as Partial<Message>).type === "string") return value as Message;
  throw new UsageError(`${where} needs a "type" that is a string: ${shown(text)}`);
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text, keepIntegers);
  } catch (error) {
    throw new UsageError(`${where} is no JSON (${(error as Error).message}): ${shown(text)}`);
  }
}

function shown(text: string): string {
  return printable(text, 500);
}

/** The third argument, the source of a primitive value, is newer than TypeScript's library. */
function keepIntegers(
  this: unknown,
  _key: string,
  value: unknown,
  context?: { readonly source?: string },
): unknown {
  const source = context?.source ?? "";
  const isRounded = typeof value === "number" && !Number.isSafeInteger(value);
  return isRounded && /^-?\d+$/.test(source) ? BigInt(source) : value;
}
