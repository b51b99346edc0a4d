/**
 * The command line: `deno run -A jsr:@asgi/channels/cli runworker CHANNEL...`
 *
 * ```sh
 * deno run -A jsr:@asgi/channels/cli runworker thumbnails-generate
 * deno run -A jsr:@asgi/channels/cli send thumbnails-generate '{"type":"generate","id":1}'
 * ```
 *
 * @module
 */
import process from "node:process";
import { createInterface } from "node:readline";
import { main } from "./src/cli/main.ts";
import { type Terminal, writeLine, writeText } from "./src/cli/terminal.ts";

/**
 * Signals that come within this time are one, in milliseconds: a terminal and a supervisor may both
 * send theirs.
 */
const ONE_SIGNAL = 1_000;

if (import.meta.main) {
  const terminal = openTerminal();
  const code = await main(Deno.args, terminal);
  // What the app has left open doesn't keep the process.
  Deno.exit(code);
}

/** The first signal asks to stop, a later one ends the process immediately. */
function openTerminal(): Terminal {
  const stop = new AbortController();
  const kill = new AbortController();
  let stoppedAt = 0;
  const onSignal = () => {
    if (!stop.signal.aborted) {
      stoppedAt = performance.now();
      stop.abort();
    } else if (performance.now() - stoppedAt > ONE_SIGNAL) kill.abort();
  };
  Deno.addSignalListener("SIGINT", onSignal);
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", onSignal);
  return {
    print: (line) => writeLine(Deno.stdout, line),
    complain: (line) => writeText(Deno.stderr, line),
    lines: () => createInterface({ input: process.stdin }),
    stop: stop.signal,
    kill: kill.signal,
  };
}
