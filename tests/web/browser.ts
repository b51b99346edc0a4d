import { join } from "node:path";
import { tmpdir } from "node:os";
import { assertEquals } from "@std/assert";
import { type Browser, chromium, type Page } from "playwright-core";
import { isInstalled, say } from "../helpers/program.ts";
import { within } from "../helpers/waiting.ts";

/** How long a test may take, in milliseconds. */
const DEADLINE = 300_000;

/** How long to wait for what a page shows, in milliseconds. */
const TIMEOUT = 120_000;

/** The last screenshot of each page of each test: worth a look. */
const SCREENSHOTS = join(tmpdir(), "asgi-channels-screenshots");

const PROGRAM = ["chromium", "google-chrome"].find(isInstalled);

/** What a test in a browser uses. */
export interface TestBrowser {
  /** Opens a page as another user would, with cookies and a cache of its own. */
  open(url: string, settings?: PageSettings): Promise<Page>;
  /** Disposes of a resource at the end of the test, after the screenshots. */
  use<R extends AsyncDisposable>(resource: R): R;
}

/** How a page is shown. */
export interface PageSettings {
  readonly viewport?: { readonly width: number; readonly height: number };
  readonly colorScheme?: "dark" | "light";
}

/**
 * Registers a test that has a browser. It fails on an uncaught error in a page. Without Chromium it is
 * skipped, with one line that says so; in continuous integration, that is a failure.
 *
 * @param name The claim.
 * @param run Tests it.
 */
export function testInBrowser(name: string, run: (browser: TestBrowser) => Promise<void>): void {
  const inCi = Deno.env.get("CI") === "true";
  if (!PROGRAM && !inCi) say(`${name}: not tested, for want of chromium on the PATH`);
  Deno.test({
    name,
    ignore: !PROGRAM && !inCi,
    fn: async () => {
      if (!PROGRAM) throw new Error("chromium is needed where CI is true: install it");
      await within(runInBrowser(PROGRAM, name, run), "the end of the test", DEADLINE);
    },
  });
}

/** Drops files on a page, as a user does from a file manager. */
export async function dropFiles(page: Page, paths: readonly string[]): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files: [...paths], dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"] as const) {
    await session.send("Input.dispatchDragEvent", { type, x: 300, y: 300, data });
  }
  await session.detach();
}

async function runInBrowser(
  program: string,
  name: string,
  run: (browser: TestBrowser) => Promise<void>,
): Promise<void> {
  await using resources = new AsyncDisposableStack();
  const browser = await chromium.launch({
    executablePath: await pathOfProgram(program),
    // The sandbox of Chromium refuses to run as root.
    args: ["--no-sandbox"],
  });
  const errors: Error[] = [];
  try {
    await run({
      open: (url, settings) => openPage(browser, url, errors, settings),
      use: (resource) => resources.use(resource),
    });
  } finally {
    await takeScreenshots(browser, name);
    await browser.close();
  }
  assertEquals(errors, []);
}

async function openPage(
  browser: Browser,
  url: string,
  errors: Error[],
  settings: PageSettings = {},
): Promise<Page> {
  const context = await browser.newContext({
    viewport: { width: 1200, height: 800 },
    ...settings,
  });
  context.setDefaultTimeout(TIMEOUT);
  const page = await context.newPage();
  page.on("pageerror", (error) => errors.push(error));
  await page.goto(url);
  return page;
}

async function takeScreenshots(browser: Browser, name: string): Promise<void> {
  const pages = browser.contexts().flatMap((context) => context.pages());
  const file = name.replaceAll(/\W+/g, "-");
  await Promise.all(
    pages.map((page, n) =>
      page.screenshot({ path: join(SCREENSHOTS, `${file}-${n + 1}.png`), timeout: TIMEOUT })
    ),
  );
}

/** Returns the absolute path of a program on the PATH. */
async function pathOfProgram(name: string): Promise<string> {
  const { stdout } = await new Deno.Command("sh", { args: ["-c", `command -v ${name}`] }).output();
  return new TextDecoder().decode(stdout).trim();
}
