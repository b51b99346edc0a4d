/**
 * Paints the example's source pictures, each seeded by its id.
 *
 * ```sh
 * deno run -A examples/thumbnails/paint.ts
 * ```
 *
 * @module
 */

import sharp from "sharp";
import { paint } from "./canvas.ts";
import { type Mood, moods } from "./moods.ts";

/** Painted larger and scaled down, edges come out smooth. */
const OVERSIZE = 1.2;

async function save(mood: Mood): Promise<void> {
  const { width, height, pixels } = paint(mood, OVERSIZE);
  const raw = { width, height, channels: 3 } as const;
  const image = sharp(pixels, { raw }).resize(...mood.size);
  const encoded = mood.format === "png"
    ? image.png({ palette: true, effort: 10 })
    : image.jpeg({ quality: 86, mozjpeg: true });
  const name = `pictures/${mood.id}.${mood.format}`;
  await Deno.writeFile(new URL(name, import.meta.url), await encoded.toBuffer());
}

for (const mood of moods) await save(mood);
