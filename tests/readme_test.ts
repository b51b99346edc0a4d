import { assert, assertEquals } from "@std/assert";
import manifest from "../deno.json" with { type: "json" };
import { type Program, startProgram, watch } from "./helpers/program.ts";
import { temporaryFolder } from "./helpers/temporary.ts";

const ROOT = new URL("../", import.meta.url).pathname;
const README = await Deno.readTextFile(`${ROOT}README.md`);

/** Where the files of the repository can be read: pages that are published link there. */
const BLOB = "https://github.com/asgi/channels/blob/main/";

/** Returns the block that follows the name of a file. */
function blockOf(file: string): string {
  const [, block] = new RegExp(`\`${file}\`.*?\`\`\`ts[^\n]*\n(.*?)\`\`\``, "s").exec(README) ?? [];
  assert(block, `README.md has no ${file}`);
  return block;
}

/** Starts the README's server on a free port. */
async function startReadmeServer(folder: string): Promise<{ server: Program; url: string }> {
  const served = "Deno.serve(respond)";
  const code = blockOf("server.ts");
  assert(code.includes(served));
  const path = `${folder}/server.ts`;
  await Deno.writeTextFile(path, code.replace(served, "Deno.serve({ port: 0 }, respond)"));
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--config", `${ROOT}deno.json`, path],
    cwd: folder,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const server = watch(process.spawn());
  const line = await Promise.any(
    [server.stdout, server.stderr].map((l) => l.until("Listening on")),
  );
  return { server, url: `http://localhost:${/:(\d+)\//.exec(line)![1]}` };
}

async function post(url: string, body: string): Promise<number> {
  const response = await fetch(url, { method: "POST", body });
  await response.body?.cancel();
  return response.status;
}

Deno.test("README.md's server sends what its worker prints, and is busy when none runs", async () => {
  await using folder = await temporaryFolder();
  const cwd = folder.path;
  await Deno.writeTextFile(`${cwd}/app.ts`, blockOf("app.ts"));
  const { server, url } = await startReadmeServer(cwd);
  await using _ = server;
  {
    await using worker = startProgram(["runworker", "print"], { cwd });
    await worker.stderr.until("Listening on print");
    assertEquals(await post(url, "Hello"), 202);
    await worker.stdout.until("Test: Hello");
    worker.kill("SIGTERM");
    assertEquals(await worker.end, 0);
  }
  const statuses = [];
  for (let n = 0; n < 101; n++) statuses.push(await post(url, "Hello"));
  assertEquals(statuses.filter((status) => status === 202).length, 100);
  assertEquals(statuses.at(-1), 503);
});

/** Returns the Markdown files of a folder, as paths relative to the root. */
async function pagesOf(folder: string): Promise<string[]> {
  const names = await Array.fromAsync(Deno.readDir(`${ROOT}${folder}`), ({ name }) => name);
  return names.filter((name) => name.endsWith(".md")).map((name) => `${folder}${name}`).sort();
}

/** Returns what a page says outside its blocks of code. */
async function proseOf(page: string): Promise<string> {
  const text = await Deno.readTextFile(`${ROOT}${page}`);
  return text.replaceAll(/^( *)```.*?^\1```$/gms, "");
}

/** Returns the anchors of a page's headings, as GitHub and JSR create them. */
async function anchorsOf(page: string): Promise<string[]> {
  const headings = (await proseOf(page)).matchAll(/^#+ (.*)$/gm);
  return Array.from(
    headings,
    ([, heading = ""]) =>
      heading.toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, "").replaceAll(" ", "-"),
  );
}

async function linksOf(page: string): Promise<string[]> {
  return Array.from((await proseOf(page)).matchAll(/\]\(([^)\s]+)\)/g), ([, link = ""]) => link);
}

/** Returns the path and the anchor that a link of a page leads to, if it is in this repository. */
function targetOf(page: string, link: string): { path: string; anchor: string } | undefined {
  const { href } = new URL(link, BLOB + page);
  if (!href.startsWith(BLOB)) return;
  const [path = "", anchor = ""] = href.slice(BLOB.length).split("#");
  return { path, anchor };
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(`${ROOT}${path}`).then(() => true, () => false);
}

/** Returns the links of a page that lead nowhere. */
async function brokenLinksOf(page: string): Promise<string[]> {
  const broken: string[] = [];
  for (const link of await linksOf(page)) {
    const target = targetOf(page, link);
    if (!target) continue;
    const { path, anchor } = target;
    const isFound = await exists(path) &&
      (anchor === "" || (await anchorsOf(path)).includes(anchor));
    if (!isFound) broken.push(link);
  }
  return broken;
}

/** Returns whether the package that is published has a file. */
function isPublished(path: string): boolean {
  return manifest.publish.include.some((entry) => path === entry || path.startsWith(`${entry}/`));
}

const PAGES = [
  "README.md",
  "CHANGELOG.md",
  "SECURITY.md",
  ...await pagesOf("docs/"),
  ...await pagesOf(".github/"),
];

for (const page of PAGES) {
  Deno.test(`${page}: each link leads to a file and a heading of this repository`, async () => {
    assertEquals(await brokenLinksOf(page), []);
  });

  Deno.test(`${page}: each path in backticks exists`, async () => {
    const paths = (await proseOf(page)).matchAll(
      /`((?:src|tests|tools|bench|docs|examples|vendor)\/[\w./]*)`/g,
    );
    const missing: string[] = [];
    for (const [, path = ""] of paths) if (!await exists(path)) missing.push(path);
    assertEquals(missing, []);
  });
}

for (const page of PAGES.filter(isPublished)) {
  Deno.test(`${page}: links to what isn't published are absolute`, async () => {
    const relative = (await linksOf(page)).filter((link) => !/^(https:|#)/.test(link));
    assertEquals(relative.filter((link) => !isPublished(link)), []);
  });
}

Deno.test("the published source refers to no page by a relative path", async () => {
  const offences: string[] = [];
  const search = async (path: string) => {
    for await (const { name, isDirectory } of Deno.readDir(`${ROOT}${path}`)) {
      if (isDirectory) await search(`${path}${name}/`);
      else await searchFile(`${path}${name}`);
    }
  };
  const searchFile = async (path: string) => {
    const text = (await Deno.readTextFile(`${ROOT}${path}`)).replaceAll(
      new RegExp(`${BLOB}[\\w/.#-]*`, "g"),
      "",
    );
    if (/\bdocs\/|\.md\b/.test(text)) offences.push(path);
  };
  await search("src/");
  await searchFile("mod.ts");
  await searchFile("cli.ts");
  assertEquals(offences, []);
});

Deno.test("README.md's first table has the numbers of its benchmark table", () => {
  const rowOf = (start: string) => {
    const line = README.split("\n").find((line) => line.startsWith(start));
    return line?.match(/\d+(?:,\d+)*(?= )/g) ?? [];
  };
  const [redis, , , channels, bullmq] = rowOf("| drain, events/s");
  assert(redis);
  assertEquals(rowOf("| [drain](#how-fast)").slice(0, 3), [redis, channels, bullmq]);
});
