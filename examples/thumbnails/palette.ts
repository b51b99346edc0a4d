import { SyncConsumer } from "@asgi/channels";

/** Requests the dominant colors of a picture. */
export interface PaletteEvent {
  readonly type: "palette";
  readonly id: number;
  /** The picture's pixels: red, green and blue, one byte each. */
  readonly pixels: Uint8Array;
  /** The channel to send the colors to. */
  readonly replyTo: string;
}

/** The dominant colors of a picture. */
export type PaletteReply = {
  readonly type: "palette.ready";
  readonly id: number;
  /** Red, green and blue of each color, from 0 to 255. */
  readonly colors: readonly Color[];
  /** How long it took, in milliseconds. */
  readonly duration: number;
};

type Color = readonly [red: number, green: number, blue: number];

const COLORS = 6;
const ROUNDS = 40;

/** Finds dominant colors: the loop blocks its thread for some 200 ms, but not the worker. */
export class PaletteConsumer extends SyncConsumer {
  static override module = import.meta.url;
  static override threads = { timeLimit: 10_000 };

  /** Handles `{ type: "palette", id, pixels, replyTo }`. */
  palette({ id, pixels, replyTo }: PaletteEvent): void {
    const start = performance.now();
    let colors = Array.from({ length: COLORS }, (_, n): Color => {
      return colorAt(pixels, 3 * Math.floor(pixels.length / 3 / COLORS * n));
    });
    for (let round = 0; round < ROUNDS; round++) colors = refine(colors, pixels);
    const duration = performance.now() - start;
    const reply: PaletteReply = {
      type: "palette.ready",
      id,
      colors: colors.map(([red, green, blue]): Color => [red | 0, green | 0, blue | 0]),
      duration,
    };
    this.channelLayer.send(replyTo, reply);
  }
}

/** One round of k-means: moves each color to the mean of the pixels that are nearest to it. */
function refine(colors: readonly Color[], pixels: Uint8Array): Color[] {
  const sums = colors.map(() => ({ red: 0, green: 0, blue: 0, count: 0 }));
  for (let at = 0; at < pixels.length; at += 3) {
    const color = colorAt(pixels, at);
    const sum = sums[nearest(colors, color)]!;
    sum.red += color[0];
    sum.green += color[1];
    sum.blue += color[2];
    sum.count++;
  }
  return sums.map(({ red, green, blue, count }, n) =>
    count === 0 ? colors[n]! : [red / count, green / count, blue / count]
  );
}

function nearest(colors: readonly Color[], [red, green, blue]: Color): number {
  const distances = colors.map(([r, g, b]) => (r - red) ** 2 + (g - green) ** 2 + (b - blue) ** 2);
  return distances.indexOf(Math.min(...distances));
}

function colorAt(pixels: Uint8Array, at: number): Color {
  return [pixels[at]!, pixels[at + 1]!, pixels[at + 2]!];
}
