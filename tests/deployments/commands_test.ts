import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { LayerConfigurationError, RedisChannelLayer } from "@asgi/channels";
import { startWorkerProcess } from "../helpers/program.ts";
import { clientsOf, type Node, startNode, testWithRedis } from "../helpers/redis.ts";
import { until } from "../helpers/waiting.ts";
import { startCluster } from "./helpers/cluster.ts";
import { sharedServers, testDeployment } from "./helpers/conformance.ts";
import { docLine } from "./helpers/doc.ts";
import { MASTER, startSentinels } from "./helpers/sentinels.ts";
import { range } from "../helpers/events.ts";

const EVENT = { type: "test.event", n: 1 };

/** Returns the rights in `docs/redis.md`, as arguments of `ACL SETUSER`, without the keys. */
function rights(...more: readonly string[]): string[] {
  const [, , user = "", ...rules] = docLine("ACL SETUSER").split(" ");
  const commands = rules.filter((rule) => rule.startsWith("+"));
  return [user, "on", ">secret", "~*", "-@all", ...commands, ...more];
}

testWithRedis("RedisChannelLayer with few rights", () => {
  let restricted: Node | undefined;

  testDeployment({
    name: "RedisChannelLayer with the fewest rights",
    async start() {
      restricted = await startNode();
      await restricted.cli("ACL", "SETUSER", ...rights());
      return restricted;
    },
    options: ({ at }) => ({ url: `redis://${rights()[0]}:secret@${at}` }),
  });

  const servers = sharedServers(() => startNode());

  Deno.test("RedisChannelLayer: it needs every right that the documentation grants it", async () => {
    const used = await restricted!.cli("INFO", "commandstats");
    const names = rights().filter((word) => word.startsWith("+")).map((word) => word.slice(1));
    assertEquals(names.filter((name) => !used.includes(`cmdstat_${name}:`)), []);
  });

  Deno.test("RedisChannelLayer: every command that it needs is as old as Redis 5", async () => {
    const names = rights().filter((word) => word.startsWith("+")).map((word) => word.slice(1));
    assert(names.length > 5);
    for (const name of names) {
      const docs = (await servers().cli("COMMAND", "DOCS", name)).split("\n");
      const since = docs[docs.indexOf("since") + 1] ?? "";
      assert(Number(since.split(".")[0]) <= 5, `${name} is there since ${since}`);
    }
  });

  Deno.test("RedisChannelLayer: behind Sentinels it needs few rights, too", async () => {
    await using watched = await startSentinels();
    await watched.master.cli("ACL", "SETUSER", ...rights("+wait", "+role"));
    const [sentinel] = watched.sentinels;
    const lookUp = "+sentinel|get-master-addr-by-name";
    await sentinel!.cli("ACL", "SETUSER", "looker", "on", ">other", "-@all", lookUp);
    const [username] = rights();
    const host = {
      sentinels: [sentinel!.at],
      master: MASTER,
      username: username!,
      password: "secret",
      sentinelUsername: "looker",
      sentinelPassword: "other",
    };
    await using layer = new RedisChannelLayer({ hosts: [host] });
    await layer.send("letters", EVENT);
    assertEquals(await layer.receive("letters"), EVENT);
  });

  Deno.test("RedisChannelLayer: in a cluster it needs few rights, too", async () => {
    await using cluster = await startCluster();
    const more = rights("+wait", "+role", "+asking", "+cluster|slots", "+cluster|keyslot");
    for (const node of cluster.masters) await node.cli("ACL", "SETUSER", ...more);
    const url = cluster.url.replace("://", `://${more[0]}:secret@`);
    await using layer = new RedisChannelLayer({ url });
    for (const channel of ["one", "two", "three", "four"]) {
      await layer.send(channel, EVENT);
      assertEquals(await layer.receive(channel), EVENT);
    }
  });

  Deno.test("RedisChannelLayer: a worker of 100 channels holds two connections", async () => {
    await using node = await startNode();
    const channels = range(100).map((n) => `channel-${n}`);
    await using worker = await startWorkerProcess([...channels, "--layer", `redis://${node.at}`]);
    await using layer = new RedisChannelLayer({ url: `redis://${node.at}` });
    for (const channel of channels) await layer.send(channel, { type: "tell_channel" });
    await worker.stdout.count(100);
    // The sender's is the third.
    assertEquals((await clientsOf(node)).length, 3);
  });

  Deno.test("RedisChannelLayer: a key of the wrong type stops no other channel", async () => {
    await using node = await startNode();
    await node.cli("SET", "asgibad", "something else");
    const url = `redis://${node.at}`;
    await using worker = await startWorkerProcess(["good", "bad", "--layer", url]);
    await worker.stderr.until("The key asgibad in Redis holds something other");
    await using layer = new RedisChannelLayer({ url });
    for (let id = 0; id < 5; id++) {
      await layer.send("good", { type: "record", id });
      await worker.stdout.count(id + 1);
    }
    const refusal = await assertRejects(() => layer.send("bad", EVENT), LayerConfigurationError);
    assertStringIncludes(refusal.message, "the key asgibad holds something other");
    await node.cli("DEL", "asgibad");
    await layer.send("bad", { type: "record", id: 5 });
    await worker.stdout.count(6);
    const complaints = worker.stderr.all.filter((line) => line.includes("asgibad"));
    assertEquals([complaints.length, worker.stderr.all.length], [1, 2]);
  });

  Deno.test("RedisChannelLayer: a receiver of a key of the wrong type waits, and doesn't fail", async () => {
    await using node = await startNode();
    await node.cli("RPUSH", "asgibad", "something else");
    await using layer = new RedisChannelLayer({ url: `redis://${node.at}` });
    assertEquals(await layer.receiveMany("bad", { limit: 1, wait: false }), []);
    const receiving = layer.receive("bad");
    await until(
      "it waits",
      async () => (await clientsOf(node)).some((line) => line.includes("bzpopmin")),
    );
    await node.cli("DEL", "asgibad");
    await layer.send("bad", EVENT);
    assertEquals(await receiving, EVENT);
  });
});
