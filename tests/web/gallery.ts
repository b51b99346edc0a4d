import { join } from "node:path";
import { assertEquals } from "@std/assert";
import type { Page } from "playwright-core";
import { freePort } from "../helpers/network.ts";
import { type Program, startProgram } from "../helpers/program.ts";
import { temporaryFolder } from "../helpers/temporary.ts";

const EXAMPLES = new URL("../../examples/", import.meta.url);
const SITE = new URL("gallery/site.ts", EXAMPLES).href;
const PICTURES = new URL("thumbnails/pictures/", EXAMPLES).pathname;

/** The pictures of the other example, by path. */
export const SAMPLES: readonly string[] = Array.from(Deno.readDirSync(PICTURES))
  .map(({ name }) => join(PICTURES, name)).sort();

/** A running gallery, in a folder of its own. */
export interface Gallery extends AsyncDisposable {
  /** The folder that the processes run in. */
  readonly folder: string;
  readonly servers: readonly [GalleryServer, GalleryServer];
  readonly workers: readonly [Program, Program];
  /** Starts one more worker. */
  startWorker(): Promise<Program>;
}

/** A server of a gallery. */
export interface GalleryServer {
  readonly url: string;
  /** Stops it gracefully, and returns its exit code. */
  stop(): Promise<number>;
  /** Starts it again on the same port. */
  restart(): Promise<void>;
}

/** Starts a gallery, and waits until its two servers and two workers listen. */
export async function startGallery(layerUrl?: string): Promise<Gallery> {
  await using starting = new AsyncDisposableStack();
  const { path } = starting.use(await temporaryFolder());
  const programs = starting.use(new AsyncDisposableStack());
  const start: Start = async (...args) => {
    const env = layerUrl === undefined ? {} : { CHANNEL_LAYER_URL: layerUrl };
    const program = startProgram([...args, "--app", SITE], { cwd: path, env });
    programs.use(program);
    await program.stderr.until("Listening on");
    return program;
  };
  const startWorker = () => start("runworker", "gallery-thumbnails");
  const servers = await Promise.all([startGalleryServer(start), startGalleryServer(start)]);
  const workers = await Promise.all([startWorker(), startWorker()]);
  const running = starting.move();
  return {
    folder: path,
    servers,
    workers,
    startWorker,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** Starts a process of a gallery, and waits until it listens. */
type Start = (...args: readonly string[]) => Promise<Program>;

async function startGalleryServer(start: Start): Promise<GalleryServer> {
  const port = freePort();
  const serve = () => start("serve", "--hostname", "127.0.0.1", "--port", `${port}`);
  let server = await serve();
  return {
    url: `http://localhost:${port}`,
    stop: () => {
      server.kill("SIGTERM");
      return server.end;
    },
    restart: async () => {
      server = await serve();
    },
  };
}

/** What the workers of a gallery have stored about a picture. */
export interface StoredPicture {
  readonly id: string;
  readonly state: string;
  readonly worker?: number;
}

/** Returns what is stored about all pictures. */
export async function storedPictures({ folder }: Gallery): Promise<StoredPicture[]> {
  await Deno.mkdir(`${folder}/.gallery`, { recursive: true });
  const ids = await Array.fromAsync(Deno.readDir(`${folder}/.gallery`));
  return await Promise.all(
    ids.map(async ({ name }) =>
      JSON.parse(await Deno.readTextFile(`${folder}/.gallery/${name}/picture.json`))
    ),
  );
}

/** Waits until a page shows so many thumbnails, and asserts that it shows no more. */
export async function untilShown(page: Page, count: number): Promise<void> {
  const shown = page.locator("#gallery .shown");
  if (count > 0) await shown.nth(count - 1).waitFor();
  assertEquals(await shown.count(), count);
}

/** Waits until a page receives changes. */
export async function untilLive(page: Page): Promise<void> {
  await page.waitForSelector("[data-connection=live]");
}
