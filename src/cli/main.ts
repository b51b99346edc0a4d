import configuration from "../../deno.json" with { type: "json" };
import { check } from "./check.ts";
import { runWorker } from "./run_worker.ts";
import { send } from "./send.ts";
import { ExitCode, type Terminal, UsageError } from "./terminal.ts";

const HELP = `Django Channels' workers for Deno.

Usage: COMMAND ...

  runworker CHANNEL...     handle the events of channels
  send CHANNEL EVENT...    send events to a channel
  check [CHANNEL...]       see whether the layer can be reached and used from here
  --help, --version        show this, or the version; each command has a --help too`;

const COMMANDS = new Map([["runworker", runWorker], ["send", send], ["check", check]]);

/**
 * Runs a command line.
 *
 * @param args The arguments, the command's name first.
 * @param terminal What the command sees of the process.
 * @returns The exit code.
 */
export async function main(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  try {
    return await run(args, terminal);
  } catch (error) {
    // A permission that is missing is named, with the flag that gives it.
    const isMistake = error instanceof UsageError || error instanceof Deno.errors.NotCapable;
    if (!isMistake) throw error;
    terminal.complain(`error: ${error.message.replaceAll(/\s*\n\s*/g, " ")}`);
    return ExitCode.usage;
  }
}

async function run([name, ...args]: readonly string[], terminal: Terminal): Promise<ExitCode> {
  if (name === undefined) throw new UsageError(`a command is needed: ${known()}; see --help`);
  if (name === "--help" || name === "-h" || name === "help") {
    terminal.print(HELP);
    return ExitCode.ok;
  }
  if (name === "--version" || name === "-V") {
    terminal.print(`${configuration.name} ${configuration.version}`);
    return ExitCode.ok;
  }
  const command = COMMANDS.get(name);
  if (!command) throw new UsageError(`unknown command ${name}: known are ${known()}`);
  return await command(args, terminal);
}

function known(): string {
  return [...COMMANDS.keys()].join(", ");
}
