import { ChannelFullError, getChannelLayer } from "@asgi/channels";
import { createPicture, deletePicture, findPicture, pathOf, savePicture } from "./pictures.ts";
import type { Channels } from "./site.ts";

const PAGE: Readonly<Record<string, readonly [file: string, type: string]>> = {
  "/": ["index.html", "text/html"],
  "/style.css": ["style.css", "text/css"],
  "/script.js": ["script.js", "text/javascript"],
};

const HEADERS = {
  "content-security-policy": "default-src 'self'; img-src 'self' data:",
  "x-content-type-options": "nosniff",
};

/** Serves the page and the pictures, and accepts uploads. */
export async function respond(request: Request): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  const [, id, copy] = /^\/pictures\/([\w-]+)(\/\w+\.webp)?$/.exec(pathname) ?? [];
  const [file, type = ""] = PAGE[pathname] ?? [];
  try {
    if (request.method === "POST") {
      if (pathname === "/pictures") return await upload(request, searchParams.get("name") ?? "");
      if (id && !copy) return await generate(id, (await findPicture(id)).name);
    } else if (id && copy) {
      return await sendFile(pathOf(id, copy), "image/webp", "max-age=31536000");
    } else if (file) return await sendFile(`${import.meta.dirname}/page/${file}`, type, "no-cache");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return new Response("Not found\n", { status: 404 });
}

/** Stores a picture, and requests its thumbnail. */
async function upload(request: Request, name: string): Promise<Response> {
  const id = await createPicture(request.body ?? new ReadableStream());
  if (typeof id === "number") return new Response("The upload is rejected\n", { status: id });
  const response = await generate(id, name.slice(0, 100));
  if (!response.ok) await deletePicture(id);
  return response;
}

/** Hands the slow work to a worker, and responds immediately. */
async function generate(id: string, name: string): Promise<Response> {
  const layer = getChannelLayer<Channels>();
  const picture = await savePicture({ id, name, state: "waiting", progress: 0 });
  try {
    await layer.send("gallery-thumbnails", { type: "generate", id, name });
  } catch (error) {
    if (!(error instanceof ChannelFullError)) throw error;
    return new Response("Busy, try again later\n", { status: 503 });
  }
  await layer.groupSend("gallery", { type: "picture.changed", picture });
  return Response.json({ id }, { status: 202 });
}

async function sendFile(path: string, type: string, cache: string): Promise<Response> {
  const headers = { ...HEADERS, "content-type": type, "cache-control": cache };
  return new Response(await Deno.readFile(path), { headers });
}
