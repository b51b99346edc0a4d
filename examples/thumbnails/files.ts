import { join } from "node:path";

const PICTURES = join(import.meta.dirname ?? ".", "pictures");
const THUMBNAILS = join(import.meta.dirname ?? ".", "thumbnails");

/** Returns the ids of all pictures. */
export async function listPictures(): Promise<number[]> {
  const ids: number[] = [];
  for await (const { name } of Deno.readDir(PICTURES)) {
    const [, id] = /^(\d+)\.(?:jpg|png)$/.exec(name) ?? [];
    if (id !== undefined) ids.push(Number(id));
  }
  return ids.sort((a, b) => a - b);
}

/**
 * Returns the path of a picture.
 *
 * @throws {Deno.errors.NotFound} If no picture has this id.
 */
export async function findPicture(id: number): Promise<string> {
  // The id is untrusted: only a number cannot lead out of the directory.
  if (!Number.isSafeInteger(id)) throw new TypeError(`The id of a picture is an integer: ${id}`);
  for (const extension of ["jpg", "png"]) {
    const path = join(PICTURES, `${id}.${extension}`);
    if (await exists(path)) return path;
  }
  throw new Deno.errors.NotFound(`There is no picture ${id}`);
}

/** Returns the path for the thumbnail of a picture. */
export async function thumbnailOf(id: number): Promise<string> {
  if (!Number.isSafeInteger(id)) throw new TypeError(`The id of a picture is an integer: ${id}`);
  await Deno.mkdir(THUMBNAILS, { recursive: true });
  return join(THUMBNAILS, `${id}.webp`);
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
