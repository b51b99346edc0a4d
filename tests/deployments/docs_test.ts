import { assert, assertEquals, assertThrows } from "@std/assert";
import { RedisChannelLayer } from "@asgi/channels";
import { configureChannelLayers, getChannelLayer } from "@asgi/channels";
import { type Node, startNode, testWithRedis } from "../helpers/redis.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { makeCertificates } from "./helpers/certificates.ts";
import { startCluster } from "./helpers/cluster.ts";
import { sharedServers, startAll } from "./helpers/conformance.ts";
import { codeIn, docBlocks, docTable } from "./helpers/doc.ts";
import { MASTER, startSentinels } from "./helpers/sentinels.ts";

const ROOT = new URL("../../", import.meta.url);
const EVENT = { type: "test.event", n: 1 };

/** Puts real servers in the place of the documentation's, in their order. */
function placed(text: string, nodes: readonly Node[]): string {
  const left = [...nodes];
  const placed = text.replaceAll(/127\.0\.0\.1:\d+/g, () => (left.shift() ?? nodes[0]!).at);
  return placed.replace("mymaster", MASTER);
}

/** The URL of a row of the table of deployments. */
function urlOf(deployment: string): string {
  const row = docTable("deployment").find(([name]) => name === deployment);
  return codeIn(row?.[1] ?? "")[0] ?? "";
}

async function check(layer: RedisChannelLayer): Promise<void> {
  await using _ = layer;
  await layer.send("letters", EVENT);
  assertEquals(await layer.receive("letters"), EVENT);
}

async function checkUrl(url: string): Promise<void> {
  configureChannelLayers({ documented: url });
  await check(getChannelLayer("documented") as RedisChannelLayer);
}

testWithRedis("docs/redis.md", () => {
  const servers = sharedServers(() => startAll(3, startNode));

  Deno.test("docs/redis.md: its URL of one Redis, of a database, and of several hosts", async () => {
    await checkUrl(placed(urlOf("one Redis"), servers().all));
    await checkUrl(`${placed(urlOf("one Redis"), servers().all)}/2`);
    await checkUrl(placed(urlOf("several hosts"), servers().all));
  });

  Deno.test("docs/redis.md: its URL of TLS", async () => {
    await using certificates = await makeCertificates();
    const args = [...certificates.args, "--tls-auth-clients", "no"];
    await using node = await startNode({ portArgument: "--tls-port", args });
    await checkUrl(placed(urlOf("with TLS"), [node]).replace("ca.pem", certificates.ca));
  });

  Deno.test("docs/redis.md: its URL of a UNIX socket", async () => {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/redis.sock`;
    await using _node = await startNode({ args: ["--unixsocket", path] });
    await checkUrl(urlOf("UNIX socket").replace("/run/redis.sock", path));
  });

  Deno.test("docs/redis.md: its URL of Sentinels", async () => {
    await using watched = await startSentinels();
    await checkUrl(placed(urlOf("Sentinels"), watched.sentinels));
    await checkUrl(`${placed(urlOf("Sentinels"), watched.sentinels)}/2`);
  });

  Deno.test("docs/redis.md: its URL of a Cluster", async () => {
    await using cluster = await startCluster();
    await checkUrl(placed(urlOf("a Cluster"), cluster.masters));
  });

  Deno.test("docs/redis.md: no deployment is left out here", () => {
    const tested = [
      "one Redis",
      "with TLS",
      "UNIX socket",
      "several hosts",
      "Sentinels",
      "a Cluster",
    ];
    assertEquals(docTable("deployment").map(([name]) => name), tested);
  });

  Deno.test("docs/redis.md: its layers in code", async () => {
    await using watched = await startSentinels();
    const [block = ""] = docBlocks("ts");
    const layers = block.split("\n").filter((line) => line.startsWith("new "));
    assertEquals(layers.length, 3);
    for (const line of layers) {
      const nodes = line.includes("sentinels") ? watched.sentinels : servers().all;
      const code = placed(line, nodes);
      await check(new Function("RedisChannelLayer", `return ${code}`)(RedisChannelLayer));
    }
  });

  Deno.test("docs/redis.md: its commands", async () => {
    const [block = ""] = docBlocks("sh");
    const node = servers().all[0]!;
    const [runWorker = "", send = "", ...others] = placed(block, [node]).split("\n");
    assertEquals(others, []);
    assertEquals(await shell(send), 0);
    assertEquals(await node.cli("ZCARD", "asgithumbnails-generate"), "1");
    await node.cli("DEL", "asgithumbnails-generate");
    assertEquals(await shell(`${runWorker} --burst`), 0);
  });

  Deno.test("docs/redis.md: its options are those that a URL knows", () => {
    const unknown = assertThrows(() => {
      configureChannelLayers({ documented: "redis://127.0.0.1?nonsense=1" });
      getChannelLayer("documented");
    }, TypeError);
    const known = unknown.message.split("known are ")[1]!.split(", ");
    const rows = docTable("option").filter(([, , text = ""]) => !text.includes("not in URLs"));
    const names = rows.flatMap(([name = ""]) => codeIn(name));
    const documented = names.filter((name) => !["url", "hosts", "tls"].includes(name));
    assertEquals([...documented, "ca", "cert", "key"].sort(), known.sort());
    for (const name of ["ca", "cert", "key"]) {
      assert(docTable("option, and in a URL").some(([cell = ""]) => cell.includes(`${name}=`)));
    }
  });

  Deno.test("docs/redis.md: the error messages that it quotes are in the source", async () => {
    const folder = new URL("src/layers/redis/", ROOT);
    const source = (await textsIn(folder)).join("\n").replaceAll(/" \+\s+"/g, "");
    const said = docTable("message").flatMap(([cell = ""]) => codeIn(cell));
    assert(said.length > 20);
    const parts = said.flatMap((text) => text.split("NAME").map((part) => part.trim()));
    assertEquals(parts.filter((part) => !source.includes(part)), []);
  });
});

/** The texts of all files in a folder, and in those in it. */
async function textsIn(folder: URL): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(folder));
  const texts = entries.map(({ name, isDirectory }) =>
    isDirectory ? textsIn(new URL(`${name}/`, folder)) : Deno.readTextFile(new URL(name, folder))
  );
  return (await Promise.all(texts)).flat();
}

/** Runs a command with this repository in place of the published package; returns its exit code. */
async function shell(line: string): Promise<number> {
  const command = line.replaceAll("deno run", `${Deno.execPath()} run`)
    .replaceAll("jsr:@asgi/channels/cli", "cli.ts");
  const output = await new Deno.Command("sh", { args: ["-c", command], cwd: ROOT }).output();
  return output.code;
}
