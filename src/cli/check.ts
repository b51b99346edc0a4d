import { ChannelsError } from "../errors.ts";
import {
  type ChannelInspection,
  type ChannelLayer,
  closeChannelLayers,
  type LayerInspection,
} from "../layers/mod.ts";
import { jsonOf, printable } from "../printable.ts";
import { noteLayer, openLayer } from "./layer.ts";
import { checkChannel, type Options } from "./options.ts";
import { ExitCode, type Terminal } from "./terminal.ts";

/** What `check --help` says. */
export const CHECK_HELP = `Checks that the layer can be reached and used from here.

Usage: check [CHANNEL...] [options]

  It prints the version and the latency of each server, tries what a worker and a sender do, on a
  channel of its own, and shows the depth of each CHANNEL. It creates no file. Exits with 0 if the
  layer works, with 1 if not, with 2 for a mistake in the command line.

  --layer URL|ALIAS    which layer: sqlite:PATH, redis://HOST, or an alias
                       (else CHANNEL_LAYER_URL, the app's own, sqlite:.channels.sqlite3)
  --app MODULE         the module that configures the layers, loaded if no URL names the layer
                       (else CHANNELS_APP, "channels.app" in deno.json, ./app.ts)
  --json               print one JSON object instead, with times in milliseconds
  -h, --help           show this
  -V, --version        show the version

Example: check thumbnails-generate --layer redis://127.0.0.1:6379`;

/** The options of `check`. */
export const CHECK_OPTIONS = { values: ["app", "layer"], switches: ["json"], short: {} };

/** How long a line may be; what servers say of themselves is in it. */
const LONGEST_LINE = 1_000;

/** What was found out. */
interface Findings extends LayerInspection {
  readonly layer: string;
  readonly trials: readonly Trial[];
}

/** Sees whether the layer can be used. */
export async function check(options: Options, terminal: Terminal): Promise<ExitCode> {
  options.positionals.forEach(checkChannel);
  noteLayer(options.value("layer"));
  try {
    const layer = await openLayer(options, terminal.complain);
    const findings = await inspect(layer, options.positionals);
    if (findings === undefined) {
      const problem = "the file does not exist yet: a worker or a sender creates it";
      terminal.complain(`error: ${layer.url}: ${problem}`);
      return ExitCode.failed;
    }
    warnOfEviction(findings, terminal);
    if (options.has("json")) terminal.print(jsonOf(findings));
    else describe(findings).forEach((line) => terminal.print(printable(line, LONGEST_LINE)));
    return complain(findings.trials, terminal);
  } finally {
    await closeChannelLayers();
    noteLayer(undefined);
  }
}

/** Finds out how a layer is; nothing, if there isn't even a file, which a trial would create. */
async function inspect(
  layer: ChannelLayer,
  channels: readonly string[],
): Promise<Findings | undefined> {
  const inspection = await layer.inspect(channels);
  if (inspection.servers.length === 0) return undefined;
  return { layer: layer.url, ...inspection, trials: await tryLayer(layer) };
}

function warnOfEviction({ servers }: Findings, terminal: Terminal): void {
  for (const { name, evictionPolicy: policy = "noeviction" } of servers) {
    if (policy === "noeviction") continue;
    terminal.complain(
      `warning: ${name} evicts keys when its memory is full, and messages and groups with them, ` +
        `without an error: its maxmemory-policy is ${policy}; set it to noeviction`,
    );
  }
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

/** Something that a worker or a sender does, and what came of it. */
export interface Trial {
  /** What was tried. */
  readonly what: string;
  /** Why it doesn't work, if so. */
  readonly problem?: string;
}

/** How long to wait for what won't come, in milliseconds: a refusal comes sooner. */
const WAITING = 300;

/** Tries what a layer is used for, on a channel and a group that nobody else knows. */
export async function tryLayer(layer: ChannelLayer): Promise<Trial[]> {
  const name = `check-${crypto.randomUUID()}`;
  return [
    await attempt("send", () => layer.send(name, { type: "check" })),
    await attempt("receive", () => layer.receiveMany(name, { limit: 1, wait: false })),
    await attempt("wait for events", () => waitInVain(layer, name)),
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

async function waitInVain(layer: ChannelLayer, channel: string): Promise<void> {
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(), WAITING);
  try {
    await layer.receive(channel, { signal: over.signal });
  } catch (error) {
    if (!over.signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
  }
}
