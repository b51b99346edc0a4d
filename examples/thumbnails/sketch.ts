import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SyncConsumer } from "@asgi/channels";
import { paint } from "./canvas.ts";
import { moods } from "./moods.ts";
import { encodePng } from "./png.ts";

const SKETCHES = join(import.meta.dirname ?? ".", "thumbnails");

/** How long the longer side of a sketch is, in pixels. */
const SIZE = 240;

/** Asks for a sketch of a picture. */
export interface SketchEvent {
  readonly type: "sketch";
  /** The picture's id. */
  readonly id: number;
  /** A channel to tell when it is done; nobody is told without. */
  readonly replyTo?: string;
}

/** Tells that a sketch was painted. */
export interface SketchedEvent {
  readonly type: "sketched";
  readonly id: number;
  readonly sketch: string;
  /** How long it took, in milliseconds. */
  readonly duration: number;
}

/**
 * Paints sketches of the pictures: plain TypeScript that burns CPU for a third of a second, and so
 * runs on a thread. Exported, because the thread looks for it in this module.
 */
export class SketchConsumer extends SyncConsumer {
  /** Handles `{ type: "sketch", id, replyTo? }`. */
  sketch(event: SketchEvent): void {
    const start = performance.now();
    const mood = moods.find(({ id }) => id === event.id);
    if (!mood) throw new Deno.errors.NotFound(`There is no picture ${event.id}`);
    const sketch = join(SKETCHES, `${mood.id}.png`);
    mkdirSync(SKETCHES, { recursive: true });
    writeFileSync(sketch, encodePng(paint(mood, SIZE / Math.max(...mood.size))));
    const duration = performance.now() - start;
    const done: SketchedEvent = { type: "sketched", id: mood.id, sketch, duration };
    if (event.replyTo) this.channelLayer.send(event.replyTo, { ...done });
  }
}

/** The consumer on threads: as many as there are cores, and 10 s for each sketch. */
export const sketching = SketchConsumer.asAsgi({ module: import.meta.url, timeLimit: 10_000 });
