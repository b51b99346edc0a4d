/**
 * CPU-bound work on threads in one command, `deno task demo:threads`: starts a worker process with
 * two instances of a `SyncConsumer`, lets it find the dominant colors of each picture, and stops it
 * with SIGTERM.
 *
 * @module
 */
import sharp from "sharp";
import { getChannelLayer } from "@asgi/channels";
import { findPicture, listPictures } from "./files.ts";
import type { Channels } from "./app.ts";
import type { PaletteReply } from "./palette.ts";
import { startWorker } from "./worker_process.ts";

const CHANNEL = "thumbnails-palette";

/** How long one picture may take, in milliseconds. */
const TIMEOUT = 60_000;

if (import.meta.main) {
  console.log(`Starting a worker process: cli.ts runworker ${CHANNEL} --concurrency 2`);
  await using worker = await startWorker(CHANNEL, "--concurrency", "2");
  await findColors(await listPictures());
  console.log(`The worker exited with ${await worker.stop()}`);
}

async function findColors(ids: readonly number[]): Promise<void> {
  await using layer = getChannelLayer<Channels>();
  const replyTo = layer.newChannel();
  const start = performance.now();
  for (const id of ids) {
    await layer.send(CHANNEL, { type: "palette", id, pixels: await pixelsOf(id), replyTo });
  }
  let total = 0;
  for (let done = 1; done <= ids.length; done++) {
    const signal = AbortSignal.timeout(TIMEOUT);
    const { id, colors, duration } = await layer.receive(replyTo, { signal }) as PaletteReply;
    total += duration;
    console.log(`  ${done}/${ids.length}  ${id}  ${swatch(colors)}  ${duration.toFixed(0)} ms`);
  }
  const took = performance.now() - start;
  console.log(`${total.toFixed(0)} ms of CPU time took ${took.toFixed(0)} ms`);
}

async function pixelsOf(id: number): Promise<Uint8Array> {
  const image = sharp(await findPicture(id)).resize(120, 80, { fit: "fill" }).removeAlpha();
  return new Uint8Array(await image.raw().toBuffer());
}

/** Shows the colors in a terminal, and their values elsewhere. */
function swatch(colors: PaletteReply["colors"]): string {
  const values = colors.map((color) =>
    `#${color.map((part) => part.toString(16).padStart(2, "0")).join("")}`
  );
  if (!Deno.stdout.isTerminal() || Deno.noColor) return values.join(" ");
  return colors.map((color) => `\x1b[48;2;${color.join(";")}m    \x1b[0m`).join("");
}
