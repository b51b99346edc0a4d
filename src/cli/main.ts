import configuration from "../../deno.json" with { type: "json" };
import { ChannelsError } from "../errors/mod.ts";
import { check, CHECK_HELP, CHECK_OPTIONS } from "./check.ts";
import { looksLikeUrl, type OptionNames, type Options, readOptions } from "./options.ts";
import { RUN_WORKER_HELP, RUN_WORKER_OPTIONS, runWorker } from "./run_worker.ts";
import { send, SEND_HELP, SEND_OPTIONS } from "./send.ts";
import { SERVE_HELP, SERVE_OPTIONS, serveApp } from "./serve.ts";
import { ExitCode, SystemError, type Terminal, UsageError } from "./terminal.ts";

const HELP =
  `Background workers, channel layers and a server for Deno, compatible with Django Channels.

Usage: COMMAND ...

  runworker CHANNEL...     run a worker that handles the events of channels
  serve                    serve the app over HTTP and WebSockets
  send CHANNEL EVENT...    send events to a channel
  check [CHANNEL...]       check that the layer works
  -h, --help               show this help; each command has its own
  -V, --version            show the version`;

/** A command of the program. */
interface Command {
  readonly help: string;
  readonly options: OptionNames;
  readonly run: (options: Options, terminal: Terminal) => Promise<ExitCode>;
}

const COMMANDS = new Map<string, Command>([
  ["runworker", { help: RUN_WORKER_HELP, options: RUN_WORKER_OPTIONS, run: runWorker }],
  ["serve", { help: SERVE_HELP, options: SERVE_OPTIONS, run: serveApp }],
  ["send", { help: SEND_HELP, options: SEND_OPTIONS, run: send }],
  ["check", { help: CHECK_HELP, options: CHECK_OPTIONS, run: check }],
]);

/** The program without a command. */
const PROGRAM: Command = {
  help: HELP,
  options: { values: [], switches: [], short: {} },
  run: () => Promise.reject(new UsageError(`missing command: known are ${known()}; see --help`)),
};

/**
 * Runs the command that the arguments of the program name.
 *
 * @param args The name of the command, and its arguments.
 * @param terminal The streams and signals of the process.
 * @returns The exit code of the process.
 */
export async function main(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  try {
    return await run(args, terminal);
  } catch (error) {
    const code = codeOf(error);
    terminal.printError(`error: ${(error as Error).message.replaceAll(/\s*\n\s*/g, " ")}`);
    return code;
  }
}

/** @throws The error itself, if it is a defect: then the process exits with a stack trace. */
function codeOf(error: unknown): ExitCode {
  if (error instanceof UsageError) return ExitCode.usage;
  // The message about a missing permission names the flag that grants it.
  const kinds = [ChannelsError, SystemError, Deno.errors.NotCapable];
  if (kinds.some((Kind) => error instanceof Kind)) return ExitCode.failed;
  throw error;
}

async function run(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const [name, ...rest] = args;
  if (name === "help") return print(HELP, terminal);
  const isCommand = name !== undefined && !name.startsWith("-");
  const command = isCommand ? commandOf(name) : PROGRAM;
  const options = readOptions(isCommand ? rest : args, command.options);
  if (options.has("help")) return print(command.help, terminal);
  if (options.has("version")) {
    return print(`${configuration.name} ${configuration.version}`, terminal);
  }
  return await command.run(options, terminal);
}

function commandOf(name: string): Command {
  const command = COMMANDS.get(name);
  if (command) return command;
  const shown = looksLikeUrl(name) ? "" : ` ${name}`;
  throw new UsageError(`unknown command${shown}: known are ${known()}; see --help`);
}

function print(text: string, terminal: Terminal): ExitCode {
  terminal.print(text);
  return ExitCode.ok;
}

function known(): string {
  return [...COMMANDS.keys()].join(", ");
}
