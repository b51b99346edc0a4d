import { ChannelFullError, ChannelsError } from "../errors.ts";
import { type ChannelLayer, closeChannelLayers } from "../layers/mod.ts";
import type { Message } from "../protocol/mod.ts";
import { noteLayer } from "./layer_choice.ts";
import { openLayer } from "./open_layer.ts";
import { checkChannel, readOptions } from "./options.ts";
import { parseEvent } from "./parse_event.ts";
import { ExitCode, type Terminal, UsageError } from "./terminal.ts";

/** What `send --help` says. */
export const SEND_HELP = `Sends events to a channel.

Usage: send CHANNEL EVENT... [options]

  EVENT is JSON with a "type"; - reads one such event a line from standard input.

  --layer URL|ALIAS    where to send: sqlite:PATH, redis://HOST, or an alias
                       (else CHANNEL_LAYER_URL, the app's own, sqlite:.channels.sqlite3)
  --wait               wait for room when the channel is full
  -q, --quiet          don't say what was sent
  --help               show this

Example: send thumbnails-generate '{"type":"generate","id":123456789}'`;

const NAMES = {
  values: ["layer"],
  switches: ["wait", "quiet", "help"],
  short: { q: "quiet", h: "help" },
};

/** How many events are sent in one go. */
const BATCH = 100;

/** Sends events to a channel. */
export async function send(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const options = readOptions(args, NAMES);
  if (options.has("help")) {
    terminal.print(SEND_HELP);
    return ExitCode.ok;
  }
  const [channel, ...texts] = options.positionals;
  if (channel === undefined) throw new UsageError("send needs the name of a channel");
  if (texts.length === 0) throw new UsageError("send needs an event, or - for standard input");
  checkChannel(channel);
  const events = parseAll(texts, terminal);
  noteLayer(options.value("layer"));
  try {
    const layer = await openLayer(options.value("layer"));
    const [wait, quiet] = [options.has("wait"), options.has("quiet")];
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
    if (!quiet && sent > 0) terminal.complain(`Sent ${count(sent)} to ${channel} (layer ${layer})`);
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
  terminal.complain(`error: ${error.message}`);
  return ExitCode.failed;
}

function count(events: number): string {
  return events === 1 ? "1 event" : `${events} events`;
}
