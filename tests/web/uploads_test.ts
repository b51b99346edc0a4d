import { Buffer } from "node:buffer";
import { assertEquals, assertMatch } from "@std/assert";
import { until } from "../helpers/waiting.ts";
import { testInBrowser } from "./browser.ts";
import {
  type Gallery,
  SAMPLES,
  startGallery,
  storedPictures,
  untilLive,
  untilShown,
} from "./gallery.ts";

const MEGABYTE = 1024 * 1024;

/** Uploads a picture to the first server. */
function upload({ servers }: Gallery, body: BodyInit, name = "picture"): Promise<Response> {
  const url = `${servers[0].url}/pictures?name=${encodeURIComponent(name)}`;
  return fetch(url, { method: "POST", body });
}

/** Uploads a picture, and returns its id. */
async function uploadSample(gallery: Gallery, name?: string): Promise<string> {
  const response = await upload(gallery, await Deno.readFile(SAMPLES[0] ?? ""), name);
  assertEquals(response.status, 202);
  return (await response.json()).id;
}

/** Waits until the picture has a state. */
async function untilState(gallery: Gallery, id: string, state: string): Promise<void> {
  await until(`the picture is ${state}`, async () => {
    return (await storedPictures(gallery)).some((one) => one.id === id && one.state === state);
  });
}

Deno.test("an upload of more than 25 MB is rejected", async () => {
  await using gallery = await startGallery();
  const response = await upload(gallery, new Uint8Array(26 * MEGABYTE));
  await response.body?.cancel();
  assertEquals(response.status, 413);
  assertEquals(await storedPictures(gallery), []);
});

Deno.test("an upload that is not a picture is rejected", async () => {
  await using gallery = await startGallery();
  for (const body of ["", "<!DOCTYPE html>", '<svg xmlns="http://www.w3.org/2000/svg"/>']) {
    const response = await upload(gallery, body);
    await response.body?.cancel();
    assertEquals(response.status, 415);
  }
  assertEquals(await storedPictures(gallery), []);
});

testInBrowser("a damaged picture fails on the page, and the next one appears", async (browser) => {
  const gallery = browser.use(await startGallery());
  const page = await browser.open(gallery.servers[0].url);
  await untilLive(page);
  const start = (await Deno.readFile(SAMPLES[0] ?? "")).subarray(0, 2_000);
  const damaged = { name: "damaged.jpg", mimeType: "image/jpeg", buffer: Buffer.from(start) };
  await page.getByLabel("Add pictures").setInputFiles(damaged);
  await page.locator("[data-state=failed]").getByText("This picture cannot be read").waitFor();
  await page.getByLabel("Add pictures").setInputFiles([SAMPLES[0] ?? ""]);
  await untilShown(page, 1);
});

Deno.test("an upload is rejected, and not kept, while 100 pictures wait", async () => {
  await using gallery = await startGallery();
  for (const worker of gallery.workers) worker.kill("SIGTERM");
  await Promise.all(gallery.workers.map(({ end }) => end));
  const statuses: number[] = [];
  for (let n = 0; n <= 100; n++) {
    const response = await upload(gallery, "GIF89a");
    await response.body?.cancel();
    statuses.push(response.status);
  }
  assertEquals(statuses, [...Array(100).fill(202), 503]);
  assertEquals((await storedPictures(gallery)).length, 100);
});

Deno.test("only the thumbnail and the preview of a picture can be downloaded", async () => {
  await using gallery = await startGallery();
  const id = await uploadSample(gallery);
  await untilState(gallery, id, "done");
  const get = async (path: string) => {
    const response = await fetch(`${gallery.servers[0].url}${path}`);
    await response.body?.cancel();
    return `${response.status} ${response.headers.get("content-type")?.split(";")[0]}`;
  };
  assertEquals(await get(`/pictures/${id}/thumbnail.webp`), "200 image/webp");
  assertEquals(await get(`/pictures/${id}/preview.webp`), "200 image/webp");
  for (
    const path of [
      `/pictures/${id}/original`,
      `/pictures/${id}/picture.json`,
      `/pictures/${id}/other.webp`,
      `/pictures/..%2F.gallery%2F${id}/thumbnail.webp`,
      `/pictures/%2E%2E/thumbnail.webp`,
      `/..%2Fsite.ts`,
      `/toString`,
    ]
  ) assertMatch(await get(path), /^404 /, path);
});

testInBrowser("a page shows the name of a picture as text", async (browser) => {
  const gallery = browser.use(await startGallery());
  const page = await browser.open(gallery.servers[0].url);
  await untilLive(page);
  const name = `../<img src=x onerror="throw 1"> ${"x".repeat(200)}`;
  await uploadSample(gallery, name);
  assertEquals(await page.locator("#gallery .name").textContent(), name.slice(0, 100));
});

testInBrowser("a page says which file was rejected, and why", async (browser) => {
  const gallery = browser.use(await startGallery());
  const page = await browser.open(gallery.servers[0].url);
  await untilLive(page);
  const notes = { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("no picture") };
  await page.getByLabel("Add pictures").setInputFiles(notes);
  await page.getByText("notes.txt was not added: it is not a picture").waitFor();
});
