/**
 * The example on threads in one command, `deno task demo:threads`: starts a worker process with two
 * instances of a `SyncConsumer`, has it paint a sketch of each picture, and stops it with SIGTERM.
 *
 * @module
 */
import { relative } from "node:path";
import { getChannelLayer } from "@asgi/channels";
import { listPictures } from "./files.ts";
import type { SketchedEvent, SketchEvent } from "./sketch.ts";
import { startWorker } from "./worker_process.ts";

const CHANNEL = "thumbnails-sketch";

/** How long one sketch may take, in milliseconds. */
const PATIENCE = 60_000;

if (import.meta.main) {
  console.log(`Starting a worker process: cli.ts runworker ${CHANNEL} --concurrency 2`);
  await using worker = await startWorker(CHANNEL, "--concurrency", "2");
  await paintSketches(await listPictures());
  console.log(`It left with ${await worker.stop()}`);
}

async function paintSketches(ids: readonly number[]): Promise<void> {
  await using layer = getChannelLayer();
  const replyTo = layer.newChannel();
  const start = performance.now();
  const events = ids.map((id): SketchEvent => ({ type: "sketch", id, replyTo }));
  await layer.sendMany(CHANNEL, events.map((event) => ({ ...event })));
  let burnt = 0;
  for (let done = 1; done <= ids.length; done++) {
    const reply = await layer.receive(replyTo, { signal: AbortSignal.timeout(PATIENCE) });
    const { sketch, duration } = reply as unknown as SketchedEvent;
    burnt += duration;
    console.log(`  ${done}/${ids.length}  ${relative(".", sketch)}  ${duration.toFixed(0)} ms`);
  }
  const took = performance.now() - start;
  console.log(`${burnt.toFixed(0)} ms of painting done after ${took.toFixed(0)} ms`);
}
