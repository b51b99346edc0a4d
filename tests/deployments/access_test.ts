import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  LayerConfigurationError,
  RedisChannelLayer,
  type RedisChannelLayerOptions,
} from "@asgi/channels";
import { FIXTURE_APP, startProgram } from "../helpers/program.ts";
import { type Node, startNode, testWithRedis } from "../helpers/redis.ts";
import { freePort, startFakeServer } from "../helpers/network.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { type Certificates, makeCertificates } from "./helpers/certificates.ts";
import { sharedServers } from "./helpers/conformance.ts";

const EVENT = { type: "test.event", n: 1 };

async function check(options: RedisChannelLayerOptions): Promise<void> {
  await using layer = new RedisChannelLayer(options);
  await layer.send("letters", EVENT);
  assertEquals(await layer.receive("letters"), EVENT);
}

/** Starts a worker that fails, and returns its error line. */
async function complaintOf(url: string): Promise<string> {
  await using worker = startProgram(["runworker", "a", "b", "--app", FIXTURE_APP, "--layer", url]);
  assertEquals(await worker.end, 1, worker.stderr.all.join("\n"));
  const [first = "", second = "", ...others] = worker.stderr.all;
  assertEquals(others, [], worker.stderr.all.join("\n"));
  assertStringIncludes(second, "Stopped: 0 received");
  assertStringIncludes(first, "cannot be used");
  return first;
}

/** Starts a worker that waits for the layer, and returns its log line. */
async function waitOf(url: string): Promise<{ readonly line: string }> {
  await using worker = startProgram(["runworker", "a", "b", "--app", FIXTURE_APP, "--layer", url]);
  const line = await worker.stderr.until("retrying");
  assertEquals(worker.stderr.all.filter((text) => text.includes("retrying")).length, 1);
  return { line };
}

interface TlsServers extends AsyncDisposable {
  readonly certificates: Certificates;
  readonly node: Node;
}

async function startTls(): Promise<TlsServers> {
  await using stack = new AsyncDisposableStack();
  const certificates = stack.use(await makeCertificates());
  const options = {
    portArgument: "--tls-port",
    args: [...certificates.args, "--tls-auth-clients", "optional"],
  };
  const node = stack.use(await startNode(options));
  const ended = stack.move();
  return { certificates, node, [Symbol.asyncDispose]: () => ended.disposeAsync() };
}

testWithRedis("RedisChannelLayer with TLS", () => {
  const tls = sharedServers(startTls);
  const plain = sharedServers(() => startNode());

  Deno.test("RedisChannelLayer: TLS with a private CA, by option and by URL", async () => {
    const { certificates: { ca }, node: { at } } = tls();
    await check({ url: `rediss://${at}`, tls: { ca: await Deno.readTextFile(ca) } });
    await using worker = startProgram(
      ["runworker", "a", "--app", FIXTURE_APP, "--layer", `rediss://${at}?ca=${ca}`],
    );
    await worker.stderr.until("Listening on");
  });

  Deno.test("RedisChannelLayer: TLS with a client certificate, by option and by URL", async () => {
    const { certificates: { ca, cert, key, args } } = tls();
    await using strict = await startNode({ portArgument: "--tls-port", args });
    const [caText, certText, keyText] = await Promise.all(
      [ca, cert, key].map((path) => Deno.readTextFile(path)),
    );
    const url = `rediss://${strict.at}`;
    await check({ url, tls: { ca: caText!, cert: certText!, key: keyText! } });
    await using worker = startProgram(
      [
        "runworker",
        "a",
        "--app",
        FIXTURE_APP,
        "--layer",
        `${url}?ca=${ca}&cert=${cert}&key=${key}`,
      ],
    );
    await worker.stderr.until("Listening on");
    await using none = new RedisChannelLayer({ url, tls: { ca: caText! } });
    await assertRejects(() => none.send("letters", EVENT), LayerConfigurationError, "certificate");
  });

  Deno.test("runworker: exits with status 1 for an untrusted certificate, with one line", async () => {
    const { certificates: { otherCa, ca }, node: { at, port } } = tls();
    assertStringIncludes(await complaintOf(`rediss://${at}`), "is not trusted");
    assertStringIncludes(await complaintOf(`rediss://${at}?ca=${otherCa}`), "is not trusted");
    assertStringIncludes(
      await complaintOf(`rediss://localhost:${port}?ca=${ca}`),
      "another host name",
    );
  });

  Deno.test("runworker: reports TLS to a plain server, and the reverse, in one line", async () => {
    await using http = await startFakeServer(() => "HTTP/1.1 400 Bad Request\r\n\r\n");
    assertStringIncludes(await complaintOf(`rediss://${http.at}`), "does not use TLS");
    // A Redis without TLS waits for more, and one with it hangs up: that may pass.
    assertStringIncludes((await waitOf(`rediss://${plain().at}`)).line, "no reply in time");
    assertStringIncludes((await waitOf(`redis://${tls().node.at}`)).line, "rediss://");
  });

  Deno.test("runworker: exits with status 2 if the certificate file is missing, with one line", async () => {
    const url = `rediss://${tls().node.at}?ca=/no/such/file.pem`;
    await using worker = startProgram(["runworker", "a", "--app", FIXTURE_APP, "--layer", url]);
    assertEquals(await worker.end, 2, worker.stderr.all.join("\n"));
    assertEquals(worker.stderr.all.length, 1, worker.stderr.all.join("\n"));
    assertStringIncludes(worker.stderr.all[0]!, "/no/such/file.pem");
  });
});

testWithRedis("RedisChannelLayer and its access", () => {
  const locked = sharedServers(() =>
    startNode({ args: ["--requirepass", "secret"], access: ["-a", "secret", "--no-auth-warning"] })
  );

  Deno.test("RedisChannelLayer: password, user, UNIX socket, database", async () => {
    const { at, cli } = locked();
    await check({ url: `redis://:secret@${at}` });
    await check({ url: `redis://default:secret@${at}/2` });
    await cli("ACL", "SETUSER", "ann", "on", ">a/b:c@d e", "~*", "+@all");
    await check({ url: `redis://ann:${encodeURIComponent("a/b:c@d e")}@${at}` });
    const path = `/tmp/asgi-channels-${crypto.randomUUID()}.sock`;
    await using _node = await startNode({
      args: ["--unixsocket", path, "--requirepass", "secret"],
      access: ["-a", "secret"],
    });
    await check({ url: `unix://:secret@${path}` });
    await check({ hosts: [`unix://:secret@${path}`] });
  });

  Deno.test("runworker: wrong password, no password, wrong user, each in one line", async () => {
    const { at } = locked();
    assertStringIncludes(await complaintOf(`redis://:wrong@${at}`), "wrong username or password");
    assertStringIncludes(
      await complaintOf(`redis://nobody:secret@${at}`),
      "wrong username or password",
    );
    assertStringIncludes(await complaintOf(`redis://${at}`), "requires a password");
  });

  Deno.test("runworker: a user without the right to a command or key, in one line", async () => {
    const { at, cli } = locked();
    await cli("ACL", "SETUSER", "bob", "on", ">pw", "~*", "+@all", "-zpopmin");
    await cli("ACL", "SETUSER", "eve", "on", ">pw", "~others*", "+@all");
    const bob = await complaintOf(`redis://bob:pw@${at}`);
    assertStringIncludes(bob, "access rules");
    assertStringIncludes(bob, "zpopmin");
    assertStringIncludes(await complaintOf(`redis://eve:pw@${at}`), "access rules");
  });

  Deno.test("runworker: a server that speaks HTTP, in one line", async () => {
    await using http = await startFakeServer(() => "HTTP/1.1 400 Bad Request\r\n\r\n");
    assertStringIncludes(
      await complaintOf(`redis://${http.at}`),
      "does not speak the Redis protocol",
    );
    assertStringIncludes(
      await complaintOf(`redis://:secret@${http.at}`),
      "does not speak the Redis protocol",
    );
    assertStringIncludes(
      await complaintOf(`redis+cluster://${http.at}`),
      "does not speak the Redis protocol",
    );
  });

  Deno.test("runworker: waits for a silent server, with one line", async () => {
    await using silent = await startFakeServer();
    const starts = ["redis://", "redis://:secret@", "redis+cluster://", "rediss://"];
    await Promise.all(starts.map(async (start) => {
      const { line } = await waitOf(`${start}${silent.at}`);
      assertStringIncludes(line, "no reply in time");
    }));
  });

  Deno.test("runworker: waits for a server that loads its data, and then works", async () => {
    await using folder = await temporaryFolder();
    await fill(folder.path);
    // Each key takes a millisecond to load: two seconds in total.
    const slow = ["--dir", folder.path, "--key-load-delay", "1000"];
    slow.push("--loading-process-events-interval-bytes", "1024");
    const port = freePort();
    await using _loading = await startNode({ port, args: slow });
    const url = `redis://127.0.0.1:${port}`;
    await using worker = startProgram(["runworker", "a", "--app", FIXTURE_APP, "--layer", url]);
    await worker.stderr.until("the server is loading its data");
    await worker.stderr.until("Listening on");
    await using layer = new RedisChannelLayer({ url });
    await layer.send("a", { type: "record", id: 1 });
    await worker.stdout.count(1);
    assertEquals(worker.stderr.all.filter((text) => text.includes("retrying")).length, 1);
  });
});

/** Writes a database of 2,000 keys. */
async function fill(folder: string): Promise<void> {
  await using node = await startNode({ args: ["--dir", folder, "--enable-debug-command", "yes"] });
  await node.cli("DEBUG", "POPULATE", "2000");
  await node.cli("SAVE");
}
