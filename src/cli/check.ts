import { ChannelsError } from "../errors/mod.ts";
import type { ChannelInspection, ChannelLayer, LayerInspection } from "../layers/mod.ts";
import { jsonOf, printable } from "../printable.ts";
import { withLayer } from "./layer.ts";
import { checkChannel, type Options } from "./options.ts";
import { ExitCode, type Terminal } from "./terminal.ts";

/** The text of `check --help`. */
export const CHECK_HELP =
  `Checks that the layer works: prints version and latency, round-trips a test message, shows the depth
of each CHANNEL.

Usage: check [CHANNEL...] [options]

  --layer URL|ALIAS    the layer to check: sqlite:PATH, redis://HOST, or an alias
                       (default: CHANNEL_LAYER_URL, the app's, sqlite:.channels.sqlite3)
  --app MODULE         the module that configures the layers, loaded if no URL names the layer
                       (default: CHANNELS_APP, "channels.app" in deno.json, ./app.ts)
  --json               print one JSON object instead, with times in milliseconds
  -h, --help           show this help
  -V, --version        show the version

The test message uses a channel and a group of its own. No file is created.

Exit status: 0 if the layer works, 1 if it does not, 2 if the command line is invalid.

Example: check thumbnails-generate --layer redis://127.0.0.1:6379`;

/** The options of `check`. */
export const CHECK_OPTIONS = { values: ["app", "layer"], switches: ["json"], short: {} };

/** The maximum length of a line, in characters: it contains texts from servers. */
const LONGEST_LINE = 1_000;

/** The result of a check. */
interface CheckResult extends LayerInspection {
  readonly layer: string;
  readonly trials: readonly Trial[];
}

/** Checks a layer, and prints the result. */
export async function check(options: Options, terminal: Terminal): Promise<ExitCode> {
  options.positionals.forEach(checkChannel);
  return await withLayer(options, terminal.printError, async (layer) => {
    const result = await inspect(layer, options.positionals);
    if (result === undefined) {
      const problem = "the file does not exist yet: a worker or a sender creates it";
      terminal.printError(`error: ${layer.url}: ${problem}`);
      return ExitCode.failed;
    }
    warnOfEviction(result, terminal);
    if (options.has("json")) terminal.print(jsonOf(result));
    else describe(result).forEach((line) => terminal.print(printable(line, LONGEST_LINE)));
    return printProblems(result.trials, terminal);
  });
}

/** Inspects and tries a layer. Returns nothing if there is no file, which a trial would create. */
async function inspect(
  layer: ChannelLayer,
  channels: readonly string[],
): Promise<CheckResult | undefined> {
  const inspection = await layer.inspect(channels);
  if (inspection.servers.length === 0) return undefined;
  return { layer: layer.url, ...inspection, trials: await tryLayer(layer) };
}

function warnOfEviction({ servers }: CheckResult, terminal: Terminal): void {
  for (const { name, evictionPolicy: policy = "noeviction" } of servers) {
    if (policy === "noeviction") continue;
    terminal.printError(
      `warning: ${name} evicts keys when its memory is full, including messages and groups, ` +
        `without an error: its maxmemory-policy is ${policy}; set it to noeviction`,
    );
  }
}

function printProblems(trials: readonly Trial[], terminal: Terminal): ExitCode {
  const problems = trials.filter(({ problem }) => problem !== undefined);
  for (const { what, problem } of problems) {
    terminal.printError(`error: cannot ${what}: ${problem}`);
  }
  return problems.length === 0 ? ExitCode.ok : ExitCode.failed;
}

function describe({ servers, channels, trials }: CheckResult): string[] {
  const works = trials.filter(({ problem }) => problem === undefined).map(({ what }) => what);
  return [
    ...servers.map(({ name, version, roundTrip }) =>
      `${name}: ${version}, latency ${roundTrip.toFixed(2)} ms`
    ),
    `works: ${works.join(", ") || "nothing"}`,
    ...channels.map(describeChannel),
  ];
}

function describeChannel({ channel, depth, capacity, oldestAge }: ChannelInspection): string {
  const waiting = oldestAge === undefined ? "" : `, oldest ${seconds(oldestAge)}`;
  return `${channel}: ${depth} of ${capacity} messages waiting${waiting}`;
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

/** An operation that a worker or a sender needs, and its result. */
interface Trial {
  /** The operation. */
  readonly what: string;
  /** Why it does not work, if it does not. */
  readonly problem?: string;
}

/** How long to wait on an empty channel, in milliseconds: an error takes less. */
const WAITING = 300;

/** Tries the operations of a layer, on a channel and a group with a random name. */
async function tryLayer(layer: ChannelLayer): Promise<Trial[]> {
  const name = `check-${crypto.randomUUID()}`;
  return [
    await attempt("send", () => layer.send(name, { type: "check" })),
    await attempt("receive", () => layer.receiveMany(name, { limit: 1, wait: false })),
    await attempt("wait for events", () => waitOnEmptyChannel(layer, name)),
    await attempt("use groups", async () => {
      await layer.groupAdd(name, name);
      await layer.groupSend(name, { type: "check" });
      await layer.groupDiscard(name, name);
      await layer.receiveMany(name, { limit: 1, wait: false });
    }),
  ];
}

async function attempt(what: string, work: () => Promise<unknown>): Promise<Trial> {
  try {
    await work();
    return { what };
  } catch (error) {
    if (!(error instanceof ChannelsError)) throw error;
    return { what, problem: error.message };
  }
}

async function waitOnEmptyChannel(layer: ChannelLayer, channel: string): Promise<void> {
  const control = new AbortController();
  const timer = setTimeout(() => control.abort(), WAITING);
  try {
    await layer.receive(channel, { signal: control.signal });
  } catch (error) {
    if (!control.signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
  }
}
