import { join } from "node:path";

const PICTURES = join(import.meta.dirname ?? ".", "pictures");
const THUMBNAILS = join(import.meta.dirname ?? ".", "thumbnails");

/** The ids of the pictures that there are. */
export async function listPictures(): Promise<number[]> {
  const ids: number[] = [];
  for await (const { name } of Deno.readDir(PICTURES)) {
    const [, id] = /^(\d+)\.(?:jpg|png)$/.exec(name) ?? [];
    if (id !== undefined) ids.push(Number(id));
  }
  return ids.sort((a, b) => a - b);
}

/**
 * The file of a picture.
 *
 * @throws {Deno.errors.NotFound} When there is none of that id.
 */
export async function findPicture(id: number): Promise<string> {
  // The id comes from outside: only a number can't lead out of the folder.
  if (!Number.isSafeInteger(id)) throw new TypeError(`The id of a picture is an integer: ${id}`);
  for (const extension of ["jpg", "png"]) {
    const path = join(PICTURES, `${id}.${extension}`);
    if (await exists(path)) return path;
  }
  throw new Deno.errors.NotFound(`There is no picture ${id}`);
}

/** Where the thumbnail of a picture goes. */
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
