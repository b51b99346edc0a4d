import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { remaining } from "../helpers/events.ts";
import { openSqliteLayer } from "../helpers/layers.ts";
import { freePort, startFakeServer } from "../helpers/network.ts";
import { startProgram } from "../helpers/program.ts";
import { connectSocket, fetchPath, FIXTURE_SITE, startSiteProcess } from "../helpers/site.ts";
import { temporaryFolder } from "../helpers/temporary.ts";

const LIBRARY = new URL("../../mod.ts", import.meta.url).href;

/** Starts `serve` with an app of its own, on a free port, in memory. */
async function startApp(source: string, args: readonly string[] = []) {
  const stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryFolder());
  await Deno.writeTextFile(`${path}/app.ts`, source);
  const own = ["--app", `${path}/app.ts`, "--layer", "memory:", "--port", "0"];
  const program = stack.use(startProgram(["serve", ...own, ...args]));
  return { program, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

Deno.test("serve answers requests and WebSockets, and exits with status 0 on SIGTERM", async () => {
  await using opened = await openSqliteLayer();
  await using site = await startSiteProcess(["--layer", opened.url]);
  assertMatch(
    site.stderr.all.join("\n"),
    /^\S+ info +Listening on http:\/\/127\.0\.0\.1:\d+ \(layer sqlite:.*, app .*site\.ts\)$/,
  );
  assertEquals(await fetchPath(site, "/hello"), [200, "/hello"]);
  assertEquals(await fetchPath(site, "/none"), [404, "/none"]);
  await using client = await connectSocket(site);
  const reply = Promise.withResolvers<string>();
  client.socket.onmessage = ({ data }) => reply.resolve(data);
  client.socket.send("echo");
  assertEquals(await reply.promise, "echo");
  site.kill("SIGTERM");
  assertEquals([(await client.closed).code, await site.end], [1012, 0]);
  assertEquals(site.stdout.all, ["startup", "closed 1012", "shutdown"]);
  assertMatch(site.stderr.all.at(-1) ?? "", / info +Stopped$/);
  assertEquals(site.stderr.all.length, 3, site.stderr.all.join("\n"));
});

Deno.test("serve shows the address that a browser can open", async () => {
  await using app = await startApp("export default async () => {};");
  const line = await app.program.stderr.until("Listening on");
  assertMatch(line, /Listening on http:\/\/localhost:\d+ \(layer memory:, app .*app\.ts\)/);
});

Deno.test("serve -v logs each request in one line, with hostile paths escaped", async () => {
  await using site = await startSiteProcess(["--layer", "memory:", "-v"]);
  await fetchPath(site, "/hello?secret=1");
  await fetchPath(site, "/%1b%5b2J%0aX");
  await using _client = await connectSocket(site);
  await site.stderr.until("WebSocket");
  const lines = site.stderr.all.slice(1).map((line) => line.replace(/^\S+ |[\d.]+ms$/g, ""));
  assertEquals(lines, [
    'debug Responded method=GET path="/hello" status=200 duration=',
    String.raw`debug Responded method=GET path="/\u001b[2J\nX" status=200 duration=`,
    'debug Responded method=WebSocket path="/" status=101 duration=',
  ]);
});

Deno.test("serve logs requests as JSON with their facts as fields", async () => {
  await using site = await startSiteProcess(["--layer", "memory:", "-v", "--log-format", "json"]);
  await fetchPath(site, "/none");
  const line = await site.stderr.until("Responded");
  const { time, duration, ...entry } = JSON.parse(line);
  assertEquals([typeof time, typeof duration], ["string", "number"]);
  const facts = { method: "GET", path: "/none", status: 404 };
  assertEquals(entry, { level: "debug", message: "Responded", ...facts });
});

Deno.test("serve logs a failure of the app in one line, with the request and the stack", async () => {
  await using site = await startSiteProcess(["--layer", "memory:"]);
  assertEquals(await fetchPath(site, "/fail"), [500, "Internal Server Error\n"]);
  assertMatch(
    await site.stderr.until("failed"),
    /error The application failed method=GET path="\/fail" Error: failed on purpose \| at .*site\.ts/,
  );
});

Deno.test("serve survives an unhandled rejection", async () => {
  await using site = await startSiteProcess(["--layer", "memory:"]);
  await fetchPath(site, "/stray");
  assertMatch(
    await site.stderr.until("Unhandled"),
    /error Unhandled promise rejection Error: stray/,
  );
  assertEquals(await fetchPath(site, "/hello"), [200, "/hello"]);
});

Deno.test("serve --work handles what the site sends, also in memory", async () => {
  await using opened = await openSqliteLayer();
  for (const layer of [opened.url, "memory:"]) {
    await using site = await startSiteProcess(["--layer", layer, "--work", "b", "a", "-c", "2"]);
    await site.stderr.until("Listening on b, a");
    await fetchPath(site, "/enqueue?7");
    await site.stdout.until("7");
    site.kill("SIGTERM");
    assertEquals(await site.end, 0);
    assertStringIncludes(site.stderr.all.at(-1) ?? "", "Stopped: 1 received, 1 handled");
  }
});

Deno.test("serve without --work leaves the events to workers", async () => {
  await using opened = await openSqliteLayer();
  await using site = await startSiteProcess(["--layer", opened.url]);
  await fetchPath(site, "/enqueue?7");
  site.kill("SIGTERM");
  assertEquals(await site.end, 0);
  assertEquals(await remaining(opened.layer, "a"), [{ type: "record", id: 7 }]);
});

Deno.test("serve passes --root-path to the app", async () => {
  await using site = await startSiteProcess(["--layer", "memory:", "--root-path", "/mounted"]);
  assertEquals((await fetchPath(site, "/mounted/x"))[1].startsWith("/mounted"), true);
});

Deno.test("serve accepts WebSockets from the pages of --allowed-origins only", async () => {
  const origins = ["https://one.example", "https://two.example"];
  await using site = await startSiteProcess([
    "--layer",
    "memory:",
    "--allowed-origins",
    ...origins,
  ]);
  const handshake = async (origin: string) => {
    const [hostname = "", port] = site.at.split(":");
    using connection = await Deno.connect({ hostname, port: Number(port) });
    const fields = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"];
    const lines = ["GET / HTTP/1.1", `Host: ${site.at}`, ...fields, `Origin: ${origin}`];
    const text = [...lines, "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==", "", ""].join("\r\n");
    await connection.write(new TextEncoder().encode(text));
    const buffer = new Uint8Array(12);
    await connection.read(buffer);
    return new TextDecoder().decode(buffer);
  };
  assertEquals(await handshake("https://two.example"), "HTTP/1.1 101");
  assertEquals(await handshake("https://three.example"), "HTTP/1.1 403");
});

Deno.test("serve exits with status 1 if the port is in use, and starts no worker", async () => {
  await using opened = await openSqliteLayer();
  await opened.layer.send("a", { type: "record", id: 1 });
  await using other = await startFakeServer();
  const listen = ["--hostname", "127.0.0.1", "--port", `${other.port}`];
  const args = ["serve", "--app", FIXTURE_SITE, "--layer", opened.url, "--work", "a", ...listen];
  await using site = startProgram(args);
  assertEquals(await site.end, 1);
  const problem = `error: cannot listen on ${other.at}: the port is in use; use --port`;
  assertEquals(site.stderr.all, [problem]);
  assertEquals(site.stdout.all, ["startup", "shutdown"]);
  assertEquals(await remaining(opened.layer, "a"), [{ type: "record", id: 1 }]);
});

for (const host of ["no such host", "256.256.256.256.invalid", "203.0.113.1"]) {
  Deno.test(`serve answers --hostname "${host}" with one line and status 2`, async () => {
    const args = ["--hostname", host, "--port", `${freePort()}`];
    await using app = await startApp("export default async () => {};", args);
    assertEquals(await app.program.end, 2);
    const problem = `error: --hostname must be an address of this machine, got ${host}`;
    assertEquals(app.program.stderr.all, [problem]);
  });
}

for (const router of ["ChannelNameRouter", "ProtocolTypeRouter"]) {
  const own = router === "ChannelNameRouter" ? "a: app" : "channel: app";
  Deno.test(`serve answers a ${router} without a site with one line and status 2`, async () => {
    await using app = await startApp(
      `import { ${router} } from "${LIBRARY}";
       const app = async () => {};
       export default ${router}({ ${own} });`,
    );
    assertEquals(await app.program.end, 2);
    const [problem = "", ...rest] = app.program.stderr.all;
    assertMatch(problem, /^error: the app has no route for http or websocket: its router knows /);
    assertEquals(rest, []);
  });
}

Deno.test("serve exits with status 1 if the app cannot start", async () => {
  await using app = await startApp(
    `export default async (scope, receive, send) => {
       await receive();
       await send({ type: "lifespan.startup.failed", message: "no\\ndatabase" });
     };`,
  );
  assertEquals(await app.program.end, 1);
  const [problem = ""] = app.program.stderr.all;
  assertStringIncludes(problem, String.raw`error The application failed at startup: no\ndatabase`);
});

Deno.test("serve warns of an app that starts a server while it is loaded, and can be stopped", async () => {
  await using app = await startApp(
    `export default async () => {};
     const onListen = () => console.log("its own");
     await Deno.serve({ port: 0, onListen }, () => new Response()).finished;`,
  );
  const { program } = app;
  await program.stdout.until("its own");
  assertMatch(
    program.stderr.all.join(),
    /warn +The app starts a server itself .*import\.meta\.main/,
  );
  program.kill("SIGTERM");
  assertEquals(await program.end, 0);
});

Deno.test("serve stops if its worker cannot use the layer", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/notes.txt`;
  await Deno.writeTextFile(path, "This is no database, and long enough to be one. ".repeat(20));
  await using site = await startSiteProcess(["--layer", `sqlite:${path}`, "--work", "a"]);
  assertEquals(await site.end, 1);
  assertStringIncludes(site.stderr.all.join("\n"), "the file is not a SQLite database");
  assertEquals(site.stdout.all, ["startup", "shutdown"]);
});
