import { ChannelFullError, ChannelsError } from "../errors/mod.ts";
import type { ChannelLayer } from "../layers/mod.ts";
import { printable } from "../printable.ts";
import type { Message } from "../protocol/mod.ts";
import { withLayer } from "./layer.ts";
import { checkChannel, looksLikeUrl, type Options } from "./options.ts";
import { ExitCode, type Terminal, UsageError } from "./terminal.ts";

/** The text of `send --help`. */
export const SEND_HELP = `Sends events to a channel.

Usage: send CHANNEL EVENT... [options]

EVENT is a JSON object with a "type"; - reads one event per line from standard input.

  --layer URL|ALIAS    the layer to send to: sqlite:PATH, redis://HOST, or an alias
                       (default: CHANNEL_LAYER_URL, the app's, sqlite:.channels.sqlite3)
  --app MODULE         the module that configures the layers, loaded if no URL names the layer
                       (default: CHANNELS_APP, "channels.app" in deno.json, ./app.ts)
  --wait               wait for capacity if the channel is full
  -q, --quiet          print only errors
  -h, --help           show this help
  -V, --version        show the version

Exit status: 0 if all events were sent, 1 if some were not, 2 if the command line or an event
is invalid.

Example: send thumbnails-generate '{"type":"generate","id":123456789}'`;

/** The options of `send`. */
export const SEND_OPTIONS = {
  values: ["app", "layer"],
  switches: ["wait", "quiet"],
  short: { q: "quiet" },
};

/** The maximum number of events in one call of `sendMany()`. */
const BATCH = 100;

/** Sends events to a channel. */
export async function send(options: Options, terminal: Terminal): Promise<ExitCode> {
  const [channel, ...texts] = options.positionals;
  if (channel === undefined) throw new UsageError("send needs the name of a channel");
  if (texts.length === 0) throw new UsageError("send needs an event, or - for standard input");
  checkChannel(channel);
  const events = parseAll(texts, terminal);
  const [wait, quiet] = [options.has("wait"), options.has("quiet")];
  return await withLayer(
    options,
    quiet ? () => {} : terminal.printError,
    (layer) => sendAll(layer, channel, { events, terminal, wait, quiet }),
  );
}

/** Parses the events of the command line now, before any is sent, and those of its input later. */
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
    return printFailure(error, terminal);
  } finally {
    const summary = `Sent ${count(sent)} to ${channel} (layer ${layer.url})`;
    if (!quiet && sent > 0) terminal.printError(summary);
  }
}

/** The events before an invalid line are still sent. */
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

/** @throws {UsageError} If an event contains a value that cannot be sent. */
function printFailure(error: unknown, terminal: Terminal): ExitCode {
  if (terminal.stop.aborted) {
    terminal.printError("error: stopped by a signal before all events were sent");
    return ExitCode.failed;
  }
  if (error instanceof TypeError) throw new UsageError(`EVENT cannot be sent: ${error.message}`);
  if (!(error instanceof ChannelsError)) throw error;
  terminal.printError(`error: ${error instanceof ChannelFullError ? full(error) : error.message}`);
  return ExitCode.failed;
}

/** The message of the error itself recommends an option of `layer.send()`. */
function full({ channel, capacity, accepted }: ChannelFullError): string {
  const part = accepted > 0 ? `, accepted ${count(accepted)} of the last batch` : "";
  return `channel ${channel} is full: capacity ${capacity}${part}; retry later or use --wait`;
}

function count(events: number): string {
  return events === 1 ? "1 event" : `${events} events`;
}

/**
 * Parses an event from JSON. Integers that a `number` cannot represent become a `bigint`.
 *
 * @param text The JSON.
 * @param where Where the event is, for the error.
 * @throws {UsageError} If it is not an event.
 */
function parseEvent(text: string, where: string): Message {
  if (looksLikeUrl(text)) {
    throw new UsageError(`got the URL of a layer instead of ${where}: use --layer`);
  }
  const value = parseJson(text, where);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UsageError(
      `${where} must be an object, such as {"type":"generate","id":1}, got ${shown(text)}`,
    );
  }
  if (typeof (value as Partial<Message>).type === "string") return value as Message;
  throw new UsageError(`${where} needs a "type" that is a string, got ${shown(text)}`);
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text, keepIntegers);
  } catch (error) {
    throw new UsageError(
      `${where} is not valid JSON (${(error as Error).message}): ${shown(text)}`,
    );
  }
}

function shown(text: string): string {
  return printable(text, 500);
}

/** TypeScript's library lacks the third argument, which has the source of a primitive value. */
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
