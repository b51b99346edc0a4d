import { crc32, deflateSync } from "node:zlib";
import type { Picture } from "./canvas.ts";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** Eight bits for each of three colours, nothing special. */
const KIND = [8, 2, 0, 0, 0];

/** Writes a picture as a PNG file. */
export function encodePng({ width, height, pixels }: Picture): Uint8Array {
  const header = new Uint8Array([...uint32(width), ...uint32(height), ...KIND]);
  const rows = new Uint8Array(height * (width * 3 + 1));
  for (let y = 0; y < height; y++) {
    // Each row begins with its filter: none.
    rows.set(pixels.subarray(y * width * 3, (y + 1) * width * 3), y * (width * 3 + 1) + 1);
  }
  return new Uint8Array([
    ...SIGNATURE,
    ...chunk("IHDR", header),
    ...chunk("IDAT", deflateSync(rows)),
    ...chunk("IEND", new Uint8Array()),
  ]);
}

function chunk(type: string, data: Uint8Array): number[] {
  const content = [...new TextEncoder().encode(type), ...data];
  return [...uint32(data.length), ...content, ...uint32(crc32(new Uint8Array(content)))];
}

function uint32(value: number): number[] {
  return [value >>> 24, value >>> 16 & 255, value >>> 8 & 255, value & 255];
}
