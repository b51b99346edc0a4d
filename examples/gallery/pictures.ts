import { join, resolve } from "node:path";

/** The servers and workers of one site are started in the same directory. */
const FOLDER = resolve(".gallery");

/** The largest upload, in bytes, and in pixels: a small file can describe a huge picture. */
const MAX_SIZE = 25 * 1024 * 1024;
const MAX_PIXELS = 100_000_000;

/** The first bytes of the kinds of pictures that are accepted. */
const SIGNATURE = /^(\xff\xd8\xff|\x89PNG|GIF8|RIFF....WEBP|....ftyp(avif|heic|mif1))/s;

/** The state of a picture, for workers and pages. */
export interface Picture {
  readonly id: string;
  readonly name: string;
  readonly state: "waiting" | "working" | "done" | "failed";
  /** From 0 to 1. */
  readonly progress: number;
  /** The process id of the worker. */
  readonly worker?: number;
  /** The size in pixels, and the average color, once they are known. */
  readonly width?: number;
  readonly height?: number;
  readonly color?: string;
  /** When it was saved, in milliseconds: pages ignore a state that is older than the one they have. */
  readonly changed?: number;
}

/** Stores an upload, and returns its id, or an HTTP status if it is too large or not a picture. */
export async function createPicture(body: AsyncIterable<Uint8Array<ArrayBuffer>>) {
  let upload = new Blob();
  for await (const part of body) {
    upload = new Blob([upload, part]);
    if (upload.size > MAX_SIZE) return 413;
  }
  const bytes = await upload.bytes();
  if (!SIGNATURE.test(String.fromCharCode(...bytes.subarray(0, 12)))) return 415;
  // In order of time, and never a name that a client has chosen.
  const id = `${Date.now().toString(36)}-${crypto.randomUUID()}`;
  await Deno.mkdir(pathOf(id, "."), { recursive: true });
  await Deno.writeFile(pathOf(id, "original"), bytes);
  return id;
}

/** Saves the state of a picture for pages that are opened later, and returns it. */
export async function savePicture(picture: Picture): Promise<Picture> {
  const saved = { ...picture, changed: Math.max(Date.now(), (picture.changed ?? 0) + 1) };
  const path = pathOf(picture.id, "picture.json");
  // Renamed, so that no reader finds half a file.
  await Deno.writeTextFile(`${path}.${Deno.pid}`, JSON.stringify(saved));
  await Deno.rename(`${path}.${Deno.pid}`, path);
  return saved;
}

/** Returns the state of a picture. */
export async function findPicture(id: string): Promise<Picture> {
  return JSON.parse(await Deno.readTextFile(pathOf(id, "picture.json")));
}

/** Returns the newest 200 pictures. */
export async function listPictures(): Promise<Picture[]> {
  await Deno.mkdir(FOLDER, { recursive: true });
  const ids = (await Array.fromAsync(Deno.readDir(FOLDER))).map(({ name }) => name);
  const found = await Promise.allSettled(ids.sort().slice(-200).map(findPicture));
  return found.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
}

/** Deletes a picture and its copies. */
export async function deletePicture(id: string): Promise<void> {
  await Deno.remove(pathOf(id, "."), { recursive: true });
}

/** Returns the size of a picture, and its average color. */
export async function measure(id: string): Promise<Partial<Picture>> {
  const picture = await open(id);
  const { autoOrient } = await picture.metadata();
  const [red, green, blue] = await picture.resize(1, 1).toColorspace("srgb").raw().toBuffer();
  return { ...autoOrient, color: `rgb(${red} ${green} ${blue})` };
}

/** Writes a smaller copy of a picture. */
export async function resize(id: string, copy: string, size: number): Promise<void> {
  const picture = (await open(id)).resize(size, size, { fit: "inside", withoutEnlargement: true });
  await picture.webp().toFile(pathOf(id, `${copy}.webp`));
}

/** Returns the path of a file of a picture. The id may come from a client or another sender. */
export function pathOf(id: string, file: string): string {
  if (!/^[\w-]+$/.test(id)) throw new TypeError("The id of a picture must be a word");
  return join(FOLDER, id, file);
}

async function open(id: string) {
  // Imported on first use: servers don't need it.
  const { default: sharp } = await import("sharp");
  return sharp(pathOf(id, "original"), { limitInputPixels: MAX_PIXELS }).autoOrient();
}
