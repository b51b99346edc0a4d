/**
 * The example in one command, `deno task demo`: starts a worker process, sends it one event for
 * each picture, prints its replies, and stops it with SIGTERM.
 *
 * @module
 */
import { relative } from "node:path";
import { getChannelLayer } from "@asgi/channels";
import type { Channels } from "./app.ts";
import type { GeneratedEvent } from "./consumers.ts";
import { listPictures } from "./files.ts";
import { startWorker } from "./worker_process.ts";

const CHANNEL = "thumbnails-generate";

/** How long one thumbnail may take, in milliseconds: the first run may have to download sharp. */
const TIMEOUT = 120_000;

if (import.meta.main) {
  console.log(`Starting a worker process: cli.ts runworker ${CHANNEL}`);
  await using worker = await startWorker(CHANNEL);
  await generateThumbnails(await listPictures());
  console.log("Stopping the worker with SIGTERM");
  console.log(`The worker exited with ${await worker.stop()}`);
}

async function generateThumbnails(ids: readonly number[]): Promise<void> {
  await using layer = getChannelLayer<Channels>();
  const replyTo = layer.newChannel();
  console.log(`Sending ${ids.length} events to ${CHANNEL}`);
  const start = performance.now();
  for (const id of ids) await layer.send(CHANNEL, { type: "generate", id, replyTo });
  console.log(`Sent after ${(performance.now() - start).toFixed(1)} ms; waiting for the worker`);
  for (let done = 1; done <= ids.length; done++) {
    const signal = AbortSignal.timeout(TIMEOUT);
    const reply = await layer.receive(replyTo, { signal }) as GeneratedEvent;
    console.log(`  ${done}/${ids.length}  ${describe(reply)}`);
  }
  console.log(`Done after ${(performance.now() - start).toFixed(0)} ms`);
}

function describe({ picture, thumbnail, before, after, duration }: GeneratedEvent): string {
  const sizes = `${kilobytes(before)} -> ${kilobytes(after)}`;
  return `${relative(".", picture)} -> ${relative(".", thumbnail)}  ${sizes}  ${
    duration.toFixed(1).padStart(6)
  } ms`;
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1024).toFixed(1).padStart(6)} KB`;
}
