/**
 * The command line: runs workers, sends events, and checks channel layers.
 *
 * ```sh
 * deno run -A jsr:@asgi/channels/cli runworker thumbnails-generate
 * deno run -A jsr:@asgi/channels/cli send thumbnails-generate '{"type":"generate","id":1}'
 * deno run -A jsr:@asgi/channels/cli check thumbnails-generate
 * ```
 *
 * Each command has a `--help`. This module exports nothing.
 *
 * @module
 */
import process from "node:process";
import { createInterface } from "node:readline";
import { main } from "./src/cli/main.ts";
import { type Terminal, writeLine, writeText } from "./src/cli/terminal.ts";

/**
 * Signals within this time of the first one count as the same, in milliseconds: a terminal and a
 * supervisor may both send one.
 */
const SAME_SIGNAL = 1_000;

if (import.meta.main) {
  const terminal = openTerminal();
  const code = await main(Deno.args, terminal);
  // Connections and timers that the app has left open must not keep the process alive.
  Deno.exit(code);
}

/** Returns the terminal of this process. The first signal stops the command, a later one kills it. */
function openTerminal(): Terminal {
  const stop = new AbortController();
  const kill = new AbortController();
  let stoppedAt = 0;
  const onSignal = () => {
    if (!stop.signal.aborted) {
      stoppedAt = performance.now();
      stop.abort();
    } else if (performance.now() - stoppedAt > SAME_SIGNAL) kill.abort();
  };
  Deno.addSignalListener("SIGINT", onSignal);
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", onSignal);
  return {
    print: (line) => writeLine(Deno.stdout, line),
    printError: (line) => writeText(Deno.stderr, line),
    lines: () => createInterface({ input: process.stdin }),
    stop: stop.signal,
    kill: kill.signal,
  };
}
