import { UndecodableMessageError } from "../errors.ts";

/** The heads of arrays that say their length in two or in four bytes. */
const ARRAY16 = 0xdc;
const ARRAY32 = 0xdd;

/** How many bytes follow a head from 0xc0 on, without what it contains; -1: its length follows. */
const FOLLOWING = [
  ...[0, 0, 0, 0], // nil, never used, false, true
  ...[-1, -1, -1], // bin
  ...[-1, -1, -1], // ext
  ...[4, 8], // float
  ...[1, 2, 4, 8], // unsigned integers
  ...[1, 2, 4, 8], // signed integers
  ...[2, 3, 5, 9, 17], // fixext
  ...[-1, -1, -1], // str
  ...[2, 4], // array
  ...[2, 4], // map
];

/**
 * Refuses what says that it holds more than its bytes can: the decoder makes room for an array as
 * soon as it has read its length, so that a few bytes could take all the memory there is.
 *
 * @throws {UndecodableMessageError} When the bytes can't hold as many values as they say.
 */
export function checkClaims(bytes: Uint8Array): void {
  if (!bytes.includes(ARRAY16) && !bytes.includes(ARRAY32)) return;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // How many values are still to come: each takes a byte at least.
  let open = 1;
  for (let at = 0; open > 0 && at < bytes.length;) {
    const { size, values } = headAt(view, at);
    at += size;
    open += values - 1;
    if (open > bytes.length - at) {
      throw new UndecodableMessageError("it says that it is longer than it is");
    }
  }
}

/** How many bytes a head takes, with those that belong to it alone, and how many values it holds. */
function headAt(view: DataView, at: number): { readonly size: number; readonly values: number } {
  const head = view.getUint8(at);
  if (head < 0x80 || head >= 0xe0) return { size: 1, values: 0 };
  if (head < 0x90) return { size: 1, values: 2 * (head & 0xf) };
  if (head < 0xa0) return { size: 1, values: head & 0xf };
  if (head < 0xc0) return { size: 1 + (head & 0x1f), values: 0 };
  const following = FOLLOWING[head - 0xc0]!;
  if (head >= ARRAY16) {
    const count = numberAt(view, at + 1, following);
    return { size: 1 + following, values: head >= 0xde ? 2 * count : count };
  }
  if (following >= 0) return { size: 1 + following, values: 0 };
  const isText = head >= 0xd9;
  const isExtension = head >= 0xc7 && !isText;
  const width = 1 << (head - (isText ? 0xd9 : isExtension ? 0xc7 : 0xc4));
  return { size: 1 + width + numberAt(view, at + 1, width) + (isExtension ? 1 : 0), values: 0 };
}

/** Where the bytes end too early, the decoder will say so. */
function numberAt(view: DataView, at: number, width: number): number {
  if (at + width > view.byteLength) return 0;
  return width === 1 ? view.getUint8(at) : width === 2 ? view.getUint16(at) : view.getUint32(at);
}
