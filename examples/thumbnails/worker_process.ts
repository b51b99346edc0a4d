import { Readable } from "node:stream";
import { createInterface } from "node:readline";

const CLI = new URL("../../cli.ts", import.meta.url).href;

/** A worker in a separate process. */
export interface WorkerProcess extends AsyncDisposable {
  /** Stops it gracefully, and returns its exit code. */
  stop(): Promise<number>;
}

/** Starts `runworker CHANNEL` with some options, waits until it listens, and prints its log. */
export async function startWorker(
  channel: string,
  ...options: readonly string[]
): Promise<WorkerProcess> {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", CLI, "runworker", channel, ...options],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const log = showLog(process.stderr);
  const stop = async () => {
    process.kill("SIGTERM");
    await log.end;
    return (await process.status).code;
  };
  await Promise.race([log.listening, process.status.then(failedToStart)]);
  return { stop, [Symbol.asyncDispose]: () => endQuietly(process) };
}

function failedToStart({ code }: Deno.CommandStatus): never {
  throw new Error(`The worker exited with ${code} before it listened`);
}

function showLog(stream: ReadableStream<Uint8Array>): {
  readonly listening: Promise<void>;
  readonly end: Promise<void>;
} {
  const { promise: listening, resolve } = Promise.withResolvers<void>();
  const end = (async () => {
    for await (const line of createInterface({ input: Readable.fromWeb(stream) })) {
      console.log(`  worker: ${line}`);
      if (line.includes("Listening on")) resolve();
    }
  })();
  return { listening, end };
}

/** The process may have ended already. */
async function endQuietly(process: Deno.ChildProcess): Promise<void> {
  try {
    process.kill("SIGKILL");
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
  await process.status;
}
