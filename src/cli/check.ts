import { ChannelsError } from "../errors.ts";
import {
  type ChannelInspection,
  type ChannelLayer,
  closeChannelLayers,
  type LayerInspection,
} from "../layers/mod.ts";
import { jsonOf, printable } from "../printable.ts";
import { noteLayer } from "./layer_choice.ts";
import { openLayer } from "./open_layer.ts";
import { checkChannel, readOptions } from "./options.ts";
import { ExitCode, type Terminal } from "./terminal.ts";
import { type Trial, tryLayer } from "./try_layer.ts";

/** What `check --help` says. */
export const CHECK_HELP = `Sees whether the layer can be reached and used from here.

Usage: check [CHANNEL...] [options]

  It says what the servers are and how fast they answer, tries what a worker and a sender do, on a
  channel of its own, and tells how full each CHANNEL is. Exits with 0 when all is well, else with 1.

  --layer URL|ALIAS    which layer: sqlite:PATH, redis://HOST, or an alias
                       (else CHANNEL_LAYER_URL, the app's own, sqlite:.channels.sqlite3)
  --json               print one JSON object instead, with times in milliseconds
  --help               show this

Example: check thumbnails-generate --layer redis://127.0.0.1:6379`;

const NAMES = { values: ["layer"], switches: ["json", "help"], short: { h: "help" } };

/** How long a line may be; what servers say of themselves is in it. */
const LONGEST_LINE = 1_000;

/** What was found out. */
interface Findings extends LayerInspection {
  readonly layer: string;
  readonly trials: readonly Trial[];
}

/** Sees whether the layer can be used. */
export async function check(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const options = readOptions(args, NAMES);
  if (options.has("help")) {
    terminal.print(CHECK_HELP);
    return ExitCode.ok;
  }
  options.positionals.forEach(checkChannel);
  noteLayer(options.value("layer"));
  try {
    const layer = await openLayer(options.value("layer"));
    const findings = await inspect(layer, options.positionals);
    if (options.has("json")) terminal.print(jsonOf(findings));
    else describe(findings).forEach((line) => terminal.print(printable(line, LONGEST_LINE)));
    return complain(findings.trials, terminal);
  } catch (error) {
    if (!(error instanceof ChannelsError)) throw error;
    terminal.complain(`error: ${error.message}`);
    return ExitCode.failed;
  } finally {
    await closeChannelLayers();
    noteLayer(undefined);
  }
}

async function inspect(layer: ChannelLayer, channels: readonly string[]): Promise<Findings> {
  // Who can't even be reached need not be tried.
  const inspection = await layer.inspect(channels);
  return { layer: String(layer), ...inspection, trials: await tryLayer(layer) };
}

function complain(trials: readonly Trial[], terminal: Terminal): ExitCode {
  const problems = trials.filter(({ problem }) => problem !== undefined);
  for (const { what, problem } of problems) {
    terminal.complain(`error: it can't ${what} here: ${problem}`);
  }
  return problems.length === 0 ? ExitCode.ok : ExitCode.failed;
}

function describe({ servers, channels, trials }: Findings): string[] {
  const works = trials.filter(({ problem }) => problem === undefined).map(({ what }) => what);
  return [
    ...servers.map(({ name, version, roundTrip }) =>
      `${name}: ${version}, answers in ${roundTrip.toFixed(2)} ms`
    ),
    `works from here: ${works.join(", ") || "nothing"}`,
    ...channels.map(describeChannel),
  ];
}

function describeChannel({ channel, depth, capacity, oldestAge }: ChannelInspection): string {
  const waiting = oldestAge === undefined ? "" : `, the oldest for ${seconds(oldestAge)}`;
  return `${channel}: ${depth} of at most ${capacity} messages wait${waiting}`;
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
