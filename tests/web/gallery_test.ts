import { assertEquals, assertLess } from "@std/assert";
import type { Page } from "playwright-core";
import { startRedis, testWithRedis } from "../helpers/redis.ts";
import { until } from "../helpers/waiting.ts";
import { dropFiles, type TestBrowser, testInBrowser } from "./browser.ts";
import {
  type Gallery,
  SAMPLES,
  startGallery,
  storedPictures,
  untilLive,
  untilShown,
} from "./gallery.ts";

/** As many pictures as keep two workers busy for some seconds. */
const MANY = [...SAMPLES, ...SAMPLES, ...SAMPLES];

testLayer("SQLite", async (browser) => browser.use(await startGallery()));

testWithRedis("The gallery on Redis", () => {
  testLayer("Redis", async (browser) => {
    const redis = browser.use(await startRedis());
    return browser.use(await startGallery(redis.url));
  });
});

/** Registers the tests of the gallery on one layer. */
function testLayer(name: string, start: (browser: TestBrowser) => Promise<Gallery>): void {
  testInBrowser(`${name}: a picture dropped on one page appears on all pages`, async (browser) => {
    const { servers } = await start(browser);
    const here = await browser.open(servers[0].url);
    const there = await browser.open(servers[1].url);
    await Promise.all([here, there].map(untilLive));
    const response = here.waitForResponse((response) => response.url().includes("/pictures?"));
    await dropFiles(here, SAMPLES.slice(0, 1));
    assertEquals((await response).status(), 202);
    for (const page of [here, there]) {
      await untilShown(page, 1);
      assertEquals(await page.evaluate("document.querySelector('#gallery img').naturalWidth"), 640);
    }
  });

  testInBrowser(`${name}: each page shows the progress of each picture`, async (browser) => {
    const { servers } = await start(browser);
    const here = await browser.open(servers[0].url);
    const there = await browser.open(servers[1].url);
    const states = watchStates(there);
    await there.reload();
    await Promise.all([here, there].map(untilLive));
    await dropFiles(here, SAMPLES);
    await untilShown(there, SAMPLES.length);
    assertEquals(states.size, SAMPLES.length);
    for (const told of states.values()) {
      const work = told.filter((state) => state !== "waiting 0");
      assertEquals(work, ["working 0.1", "working 0.3", "working 0.6", "done 1"]);
    }
  });

  testInBrowser(`${name}: a page reloaded halfway shows all pictures`, async (browser) => {
    const gallery = await start(browser);
    const page = await browser.open(gallery.servers[0].url);
    await untilLive(page);
    await dropFiles(page, MANY);
    await page.locator("#gallery .shown").first().waitFor();
    // Workers that are stopped requeue what they have not started: this is halfway.
    for (const worker of gallery.workers) worker.kill("SIGTERM");
    assertEquals(await Promise.all(gallery.workers.map(({ end }) => end)), [0, 0]);
    await until("all pictures are uploaded", async () => {
      return (await storedPictures(gallery)).length === MANY.length;
    });
    const done = (await storedPictures(gallery)).filter(({ state }) => state === "done").length;
    assertLess(done, MANY.length);
    await page.reload();
    await untilShown(page, done);
    assertEquals(await page.locator("[data-state=waiting]").count(), MANY.length - done);
    await gallery.startWorker();
    await untilShown(page, MANY.length);
  });

  testInBrowser(`${name}: a worker killed halfway costs the picture in flight`, async (browser) => {
    const gallery = await start(browser);
    const here = await browser.open(gallery.servers[0].url);
    const there = await browser.open(gallery.servers[1].url);
    // From here on, the test moves the clock of the page.
    await here.clock.install();
    await here.reload();
    await Promise.all([here, there].map(untilLive));
    await dropFiles(here, MANY);
    const lost = await killAtWork(gallery);
    for (const page of [here, there]) {
      await untilShown(page, MANY.length - 1);
      const open = page.locator("#gallery li:not(.shown)");
      assertEquals(await open.getAttribute("data-id"), lost);
    }
    await here.clock.fastForward(20_000);
    await here.getByRole("button", { name: "Try again" }).click();
    await Promise.all([here, there].map((page) => untilShown(page, MANY.length)));
  });
}

testInBrowser("a page shows what it missed while its server was down", async (browser) => {
  const { servers } = browser.use(await startGallery());
  const page = await browser.open(servers[0].url);
  await untilLive(page);
  assertEquals(await servers[0].stop(), 0);
  await page.locator("[data-connection=lost]").waitFor();
  const other = await browser.open(servers[1].url);
  await untilLive(other);
  await dropFiles(other, SAMPLES);
  await untilShown(other, SAMPLES.length);
  assertEquals(await page.locator("#gallery li").count(), 0);
  await servers[0].restart();
  await untilShown(page, SAMPLES.length);
});

testInBrowser("the page works by keyboard, on a phone and in the dark", async (browser) => {
  const { servers } = browser.use(await startGallery());
  const page = await browser.open(servers[0].url, {
    viewport: { width: 390, height: 800 },
    colorScheme: "dark",
  });
  await untilLive(page);
  await page.getByRole("heading", { name: "Drop pictures here" }).waitFor();
  await page.getByLabel("Add pictures").setInputFiles([...SAMPLES]);
  await untilShown(page, SAMPLES.length);
  assertEquals(await page.evaluate("document.documentElement.scrollWidth"), 390);
  const picture = page.getByRole("button", { name: "Open 123456789.jpg" });
  await picture.press("Enter");
  await page.getByRole("dialog").getByAltText("123456789.jpg").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  // The focus is on the picture again.
  assertEquals(await page.evaluate("document.activeElement.ariaLabel"), "Open 123456789.jpg");
});

/** Returns what a page is told about pictures from now on, as `STATE PROGRESS`, by name. */
function watchStates(page: Page): Map<string, string[]> {
  const states = new Map<string, string[]>();
  page.on("websocket", (socket) => {
    socket.on("framereceived", ({ payload }) => {
      for (const { name, state, progress } of JSON.parse(String(payload))) {
        states.set(name, [...states.get(name) ?? [], `${state} ${progress}`]);
      }
    });
  });
  return states;
}

/** Kills a worker while it generates a thumbnail, and returns the id of the picture. */
async function killAtWork(gallery: Gallery): Promise<string> {
  const [{ pid, kill }] = gallery.workers;
  let id: string | undefined;
  await until("a worker is at work", async () => {
    // Frozen, it cannot finish while the state of its picture is read.
    kill("SIGSTOP");
    const pictures = await storedPictures(gallery);
    id = pictures.find(({ state, worker }) => state === "working" && worker === pid)?.id;
    kill(id === undefined ? "SIGCONT" : "SIGKILL");
    return id !== undefined;
  });
  return id ?? "";
}
