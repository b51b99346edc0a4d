import { assertEquals, assertMatch } from "@std/assert";
import { freePort } from "../helpers/network.ts";
import { connectSocket, fetchPath, FIXTURE_SITE, startSiteProcess } from "../helpers/site.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { until } from "../helpers/waiting.ts";

/** Starts `deno run --watch` on a site with a version, which is the response to `/version`. */
async function watchSite() {
  const stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryFolder());
  const write = (text: string) => Deno.writeTextFile(`${path}/version.ts`, text);
  await write("export const version = 1;");
  await Deno.writeTextFile(
    `${path}/app.ts`,
    `import { version } from "./version.ts";
     import { application as site } from ${JSON.stringify(FIXTURE_SITE)};
     export const application = async (scope, receive, send) => {
       if (scope.path !== "/version") return await site(scope, receive, send);
       await send({ type: "http.response.start", status: 200 });
       await send({ type: "http.response.body", body: new TextEncoder().encode(String(version)) });
     };`,
  );
  const args = ["--app", `${path}/app.ts`, "--layer", "memory:", "--port", `${freePort()}`];
  const site = stack.use(await startSiteProcess(args, { permissions: ["-A", "--watch"] }));
  const responds = (version: number) =>
    until(`version ${version} responds`, async () => {
      return (await fetchPath(site, "/version"))[1] === `${version}`;
    });
  return { site, write, responds, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** Writes a module again and again until a promise settles: the watcher may miss a change while it starts. */
async function writeUntil(write: () => Promise<void>, noticed: () => Promise<unknown>) {
  await write();
  const timer = setInterval(write, 8_000);
  await noticed().finally(() => clearInterval(timer));
}

Deno.test("deno run --watch restarts serve gracefully when a module of the app changes", async () => {
  await using watched = await watchSite();
  const { site, write, responds } = watched;
  await responds(1);
  await using client = await connectSocket(site);
  await writeUntil(() => write("export const version = 2;"), () => client.closed);
  assertEquals((await client.closed).code, 1012);
  await responds(2);
  assertEquals(site.stdout.all, ["startup", "closed 1012", "shutdown", "startup"]);
});

Deno.test("deno run --watch starts serve again when a syntax error of the app is corrected", async () => {
  await using watched = await watchSite();
  const { site, write, responds } = watched;
  await responds(1);
  const noticed = () => site.stderr.until("cannot be loaded");
  await writeUntil(() => write("export const = 2;"), noticed);
  assertMatch(
    await noticed(),
    /^error: .*app\.ts cannot be loaded: SyntaxError: .*version\.ts:1:14/,
  );
  await writeUntil(() => write("export const version = 3;"), () => responds(3));
});
