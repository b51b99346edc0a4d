import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { LayerConfigurationError, LayerUnavailableError, RedisChannelLayer } from "@asgi/channels";
import { FIXTURE_APP, startProgram, startWorkerProcess } from "../helpers/program.ts";
import { clientsOf, startNode, testWithRedis } from "../helpers/redis.ts";
import { freePort, startFakeServer } from "../helpers/network.ts";
import { until } from "../helpers/waiting.ts";
import { sharedServers } from "./helpers/conformance.ts";
import { MASTER, startSentinels } from "./helpers/sentinels.ts";

const EVENT = { type: "test.event", n: 1 };

testWithRedis("RedisChannelLayer behind Sentinels", () => {
  const servers = sharedServers(() => startSentinels());

  Deno.test("RedisChannelLayer: Sentinels lead to the master, by URL and by object", async () => {
    const { url, sentinels, master } = servers();
    await using byUrl = new RedisChannelLayer({ url, prefix: "both" });
    const host = { sentinels: sentinels.map(({ at }) => at), master: MASTER };
    await using byObject = new RedisChannelLayer({ hosts: [host], prefix: "both" });
    await byUrl.send("letters", EVENT);
    assertEquals(await master.cli("ZCARD", "bothletters"), "1");
    assertEquals(await byObject.receive("letters"), EVENT);
    assertEquals([String(byUrl), String(byObject)], [url, url]);
  });

  Deno.test("RedisChannelLayer: an unreachable Sentinel doesn't matter while another one answers", async () => {
    const { sentinels, url } = servers();
    const hosts = `127.0.0.1:${freePort()},${sentinels[0]!.at}`;
    await using layer = new RedisChannelLayer({ url: `redis+sentinel://${hosts}/${MASTER}` });
    await layer.send("letters", EVENT);
    await using other = new RedisChannelLayer({ url });
    assertEquals(await other.receive("letters"), EVENT);
  });

  Deno.test("RedisChannelLayer: Sentinels lead to a database of the master", async () => {
    const { url, master } = servers();
    await using layer = new RedisChannelLayer({ url: `${url}/3`, prefix: "three" });
    await layer.send("letters", EVENT);
    assertEquals(await master.cli("-n", "3", "ZCARD", "threeletters"), "1");
  });

  Deno.test("RedisChannelLayer: behind Sentinels it holds two connections, and closes them", async () => {
    await using alone = await startSentinels();
    const before = (await clientsOf(alone.sentinels[0]!)).length;
    const layer = new RedisChannelLayer({ url: alone.url });
    const waiting = ["one", "two", "three"].map((channel) =>
      layer.receive(channel).catch(() => {})
    );
    await layer.send("others", EVENT);
    const named = async () => (await clientsOf(alone.master)).filter((line) => !isPeer(line));
    await until("it waits", async () => (await named()).some((line) => line.includes("bzpopmin")));
    assertEquals((await named()).length, 2);
    await layer.close();
    await Promise.all(waiting);
    await until("it has gone", async () => (await named()).length === 0);
    await until(
      "the Sentinel is left alone",
      async () => (await clientsOf(alone.sentinels[0]!)).length <= before,
    );
  });

  Deno.test("runworker: exits with status 1 if the Sentinels don't know the master, with one line", async () => {
    const url = servers().url.replace(MASTER, "nobody");
    await using worker = startProgram(["runworker", "a", "--app", FIXTURE_APP, "--layer", url]);
    assertEquals(await worker.end, 1);
    assertEquals(worker.stderr.all.length, 2, worker.stderr.all.join("\n"));
    assertStringIncludes(worker.stderr.all[0]!, "no Sentinel knows a master named nobody");
  });

  Deno.test("runworker: waits for Sentinels that have not started yet", async () => {
    const { master } = servers();
    const port = freePort();
    const url = `redis+sentinel://127.0.0.1:${port}/${MASTER}`;
    await using worker = startProgram(["runworker", "a", "--app", FIXTURE_APP, "--layer", url]);
    await worker.stderr.until("no Sentinel replies: connection refused");
    const lines = [`sentinel monitor ${MASTER} 127.0.0.1 ${master.port} 1`];
    await using _sentinel = await startNode({ port, args: ["--sentinel"], config: lines });
    await worker.stderr.until("Listening on");
  });

  Deno.test("RedisChannelLayer: Sentinels and master have different passwords", async () => {
    await using locked = await startSentinels({
      args: ["--requirepass", "masters", "--masterauth", "masters"],
      config: ["requirepass sentinels", `sentinel auth-pass ${MASTER} masters`],
      access: ["-a", "sentinels", "--no-auth-warning"],
      nodeAccess: ["-a", "masters", "--no-auth-warning"],
    });
    const sentinels = locked.sentinels.map(({ at }) => at);
    const host = { sentinels, master: MASTER, password: "masters", sentinelPassword: "sentinels" };
    await using layer = new RedisChannelLayer({ hosts: [host] });
    await layer.send("letters", EVENT);
    assertEquals(await layer.receive("letters"), EVENT);

    await using wrong = new RedisChannelLayer({ hosts: [{ ...host, sentinelPassword: "x" }] });
    const refused = await assertRejects(
      () => wrong.send("letters", EVENT),
      LayerConfigurationError,
    );
    assertStringIncludes(refused.message, "the Sentinels rejected the credentials");
    await using none = new RedisChannelLayer({ hosts: [{ sentinels, master: MASTER }] });
    await assertRejects(
      () => none.send("letters", EVENT),
      LayerConfigurationError,
      "rejected the credentials",
    );
    await using masters = new RedisChannelLayer({ hosts: [{ ...host, password: "x" }] });
    await assertRejects(
      () => masters.send("letters", EVENT),
      LayerConfigurationError,
      "wrong username or password",
    );
  });

  Deno.test("RedisChannelLayer: a silent Sentinel is skipped for the next one", async () => {
    await using silent = await startFakeServer();
    const { sentinels } = servers();
    const host = { sentinels: [silent.at, sentinels[0]!.at], master: MASTER };
    await using layer = new RedisChannelLayer({ hosts: [host], prefix: "silent" });
    await layer.send("letters", EVENT);
    await using alone = new RedisChannelLayer({ hosts: [{ ...host, sentinels: [silent.at] }] });
    await assertRejects(() => alone.send("letters", EVENT), LayerUnavailableError, "no Sentinel");
  });

  Deno.test("RedisChannelLayer: a worker keeps running when all Sentinels have stopped", async () => {
    await using own = await startSentinels();
    await using worker = await startWorkerProcess(["letters", "--layer", own.url]);
    await own.sentinels[0]!.crash();
    await using layer = new RedisChannelLayer({ url: `redis://${own.master.at}` });
    for (let id = 0; id < 3; id++) {
      await layer.send("letters", { type: "record", id });
      await worker.stdout.count(id + 1);
    }
  });

  Deno.test("runworker: without any replica or Sentinel nothing is handled, and nothing lost", async () => {
    await using own = await startSentinels();
    await using layer = new RedisChannelLayer({ url: `redis://${own.master.at}` });
    await using worker = await startWorkerProcess(["letters", "--layer", own.url]);
    await layer.send("letters", { type: "record", id: 0 });
    await worker.stdout.count(1);
    await own.sentinels[0]!.crash();
    await own.replica.crash();
    for (let id = 1; id < 4; id++) await layer.send("letters", { type: "record", id });
    await worker.stderr.until("no Sentinel replies");
    const lines = [`sentinel monitor ${MASTER} 127.0.0.1 ${own.master.port} 1`];
    const { port } = own.sentinels[0]!;
    await using _back = await startNode({ port, args: ["--sentinel"], config: lines });
    await worker.stdout.count(4);
    assertEquals(worker.stdout.all, ["0", "1", "2", "3"]);
  });
});

function isPeer(line: string): boolean {
  return /flags=[MSP]|name=sentinel|cmd=client|cmd=(info|ping|publish|subscribe)/.test(line);
}
