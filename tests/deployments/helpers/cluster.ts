import { type Node, startNode } from "../../helpers/redis.ts";
import { until } from "../../helpers/waiting.ts";

const MASTERS = 3;
const SLOTS = 16_384;

/** Servers that share the slots of a cluster. */
export interface ClusterServers extends AsyncDisposable {
  readonly masters: readonly Node[];
  /** The replica of each master, if they have one. */
  readonly replicas: readonly Node[];
  readonly url: string;
  /** Returns the master that had the slot of a key at the start. */
  masterOf(key: string): Promise<Node>;
}

/** How to start a cluster. */
export interface ClusterOptions {
  /** Whether each of the three masters has a replica. */
  readonly replicas?: boolean;
  /** More arguments for all servers. */
  readonly args?: readonly string[];
}

/** Starts three masters, with a replica each or without; a server silent for a second is down. */
export async function startCluster(
  { replicas = false, args = [] }: ClusterOptions = {},
): Promise<ClusterServers> {
  await using stack = new AsyncDisposableStack();
  const count = replicas ? 2 * MASTERS : MASTERS;
  const nodes = await Promise.all(Array.from({ length: count }, () => startMember(args)));
  for (const node of nodes) stack.use(node);
  const masters = nodes.slice(0, MASTERS);
  await Promise.all(masters.map(giveSlots));
  await introduce(nodes);
  await Promise.all(nodes.slice(MASTERS).map((node, at) => follow(node, masters[at]!)));
  await Promise.all(nodes.map((node) => untilReady(node, count)));
  const stopping = stack.move();
  return {
    masters,
    replicas: nodes.slice(MASTERS),
    url: `redis+cluster://${masters.map(({ at }) => at).join()}`,
    async masterOf(key) {
      const slot = Number(await masters[0]!.cli("CLUSTER", "KEYSLOT", key));
      return masters[Math.floor(slot / Math.ceil(SLOTS / MASTERS))]!;
    },
    [Symbol.asyncDispose]: () => stopping.disposeAsync(),
  };
}

function startMember(args: readonly string[]): Promise<Node> {
  const cluster = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"];
  const partly = ["--cluster-require-full-coverage", "no"];
  return startNode({ args: [...cluster, ...partly, ...args] });
}

async function giveSlots(node: Node, at: number): Promise<void> {
  const share = Math.ceil(SLOTS / MASTERS);
  const last = Math.min(SLOTS, (at + 1) * share) - 1;
  await node.cli("CLUSTER", "SET-CONFIG-EPOCH", `${at + 1}`);
  await node.cli("CLUSTER", "ADDSLOTSRANGE", `${at * share}`, `${last}`);
}

/** Each node meets each other one: to learn of them by gossip would take seconds. */
async function introduce(nodes: readonly Node[]): Promise<void> {
  for (const [at, node] of nodes.entries()) {
    const others = nodes.slice(at + 1);
    await Promise.all(
      others.map(({ port }) => node.cli("CLUSTER", "MEET", "127.0.0.1", `${port}`)),
    );
  }
  await Promise.all(
    nodes.map((node) =>
      until("the members of the cluster know each other", async () => {
        const known = (await node.cli("CLUSTER", "NODES")).split("\n");
        return known.length === nodes.length && known.every((line) => !line.includes("handshake"));
      })
    ),
  );
}

async function follow(node: Node, master: Node): Promise<void> {
  const id = await master.cli("CLUSTER", "MYID");
  await node.cli("CLUSTER", "REPLICATE", id);
  await until(
    "the replica has the master's data",
    async () => (await node.cli("INFO", "replication")).includes("link_status:up"),
  );
}

async function untilReady(node: Node, count: number): Promise<void> {
  await until("the cluster is ready", async () => {
    const info = await node.cli("CLUSTER", "INFO");
    const nodes = await node.cli("CLUSTER", "NODES");
    const replicas = nodes.split("\n").filter((line) => line.includes("slave")).length;
    return info.includes("cluster_state:ok") && info.includes(`cluster_slots_ok:${SLOTS}`) &&
      replicas === count - MASTERS;
  });
}
