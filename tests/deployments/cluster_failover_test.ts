import { runStream } from "./helpers/event_stream.ts";
import { type Node, testWithRedis } from "../helpers/redis.ts";
import { pause, until } from "../helpers/waiting.ts";
import { type ClusterServers, startCluster } from "./helpers/cluster.ts";

const KEY = "asgiletters";

testWithRedis("RedisChannelLayer in a cluster that changes", () => {
  Deno.test("RedisChannelLayer: a slot migrates in mid-stream, and nothing is handled twice or lost", async () => {
    await using servers = await startCluster();
    const { lost } = await runStream({
      name: "cluster, slot migrated",
      url: servers.url,
      strike: () => migrate(servers, KEY),
    });
    if (lost > 0) throw new Error(`${lost} events were lost`);
  });

  Deno.test("RedisChannelLayer: a master is killed in mid-stream, and nothing is handled twice", async () => {
    await using servers = await startCluster({ replicas: true });
    const master = await servers.masterOf(KEY);
    await runStream({
      name: "cluster, master killed",
      url: servers.url,
      async strike() {
        await master.crash();
        await untilPromoted(servers, master);
      },
    });
  });

  Deno.test("RedisChannelLayer: a master freezes in mid-stream, and nothing is handled twice", async () => {
    await using servers = await startCluster({ replicas: true });
    const master = await servers.masterOf(KEY);
    await runStream({
      name: "cluster, master frozen",
      url: servers.url,
      async strike() {
        master.freeze();
        await untilPromoted(servers, master);
        master.thaw();
        await until(
          "the old master is a replica",
          async () => (await master.cli("ROLE")).startsWith("slave"),
        );
      },
    });
  });

  Deno.test("RedisChannelLayer: CLUSTER FAILOVER in mid-stream, and nothing is handled twice", async () => {
    await using servers = await startCluster({ replicas: true });
    const master = await servers.masterOf(KEY);
    await runStream({
      name: "CLUSTER FAILOVER",
      url: servers.url,
      async strike() {
        await replicaOf(servers, master).cli("CLUSTER", "FAILOVER");
        await untilPromoted(servers, master);
      },
    });
  });
});

function replicaOf(servers: ClusterServers, master: Node): Node {
  return servers.replicas[servers.masters.indexOf(master)]!;
}

async function untilPromoted(servers: ClusterServers, master: Node): Promise<void> {
  const replica = replicaOf(servers, master);
  await until(
    "the replica is the master",
    async () => (await replica.cli("ROLE")).startsWith("master"),
  );
}

/** Moves a key's slot to another master, as `redis-cli --cluster reshard` does, but slowly. */
async function migrate(servers: ClusterServers, key: string): Promise<void> {
  const from = await servers.masterOf(key);
  const to = servers.masters.find((master) => master !== from)!;
  const [source, target] = await Promise.all([from, to].map((node) => node.cli("CLUSTER", "MYID")));
  const slot = await from.cli("CLUSTER", "KEYSLOT", key);
  await to.cli("CLUSTER", "SETSLOT", slot, "IMPORTING", source!);
  await from.cli("CLUSTER", "SETSLOT", slot, "MIGRATING", target!);
  await pause(300);
  for (;;) {
    const keys = (await from.cli("CLUSTER", "GETKEYSINSLOT", slot, "100")).split("\n");
    if (keys[0] === "") break;
    for (const one of keys) await from.cli("MIGRATE", "127.0.0.1", `${to.port}`, one, "0", "5000");
  }
  await pause(300);
  for (const node of [to, from]) await node.cli("CLUSTER", "SETSLOT", slot, "NODE", target!);
  await pause(300);
}
