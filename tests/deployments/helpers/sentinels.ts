import { type Node, startNode } from "../../helpers/redis.ts";
import { until } from "../../helpers/waiting.ts";

/** The name by which the Sentinels know their master. */
export const MASTER = "events";

/** How to start a master, its replica, and Sentinels. */
export interface SentinelOptions {
  /** The number of Sentinels; more than one take some seconds to discover each other. */
  readonly sentinels?: number;
  /** More arguments for master and replica. */
  readonly args?: readonly string[];
  /** More lines for the Sentinels' configuration. */
  readonly config?: readonly string[];
  /** Arguments with which `redis-cli` logs in to the Sentinels. */
  readonly access?: readonly string[];
  /** Arguments with which `redis-cli` logs in to master and replica. */
  readonly nodeAccess?: readonly string[];
}

/** A master, its replica, and the Sentinels that watch them. */
export interface WatchedServers extends AsyncDisposable {
  readonly master: Node;
  readonly replica: Node;
  readonly sentinels: readonly Node[];
  readonly url: string;
  /** Waits until the replica is the master, and the Sentinels say so. */
  untilFailedOver(): Promise<void>;
}

/** Starts them, and waits until they know each other; a master silent for 500 ms is down. */
export async function startSentinels(options: SentinelOptions = {}): Promise<WatchedServers> {
  const { sentinels: count = 1, args = [], config = [], access = [], nodeAccess = [] } = options;
  await using stack = new AsyncDisposableStack();
  const master = stack.use(await startNode({ args, access: nodeAccess }));
  const replicaOf = ["--replicaof", "127.0.0.1", `${master.port}`];
  const replica = stack.use(await startNode({ args: [...args, ...replicaOf], access: nodeAccess }));
  await untilSynchronized(replica, master);
  const lines = [...monitor(master.port, Math.floor(count / 2) + 1), ...config];
  const start = () => startNode({ args: ["--sentinel"], config: lines, access });
  const sentinels = await Promise.all(Array.from({ length: count }, start));
  for (const sentinel of sentinels) stack.use(sentinel);
  await Promise.all(sentinels.map((sentinel) => untilItKnows(sentinel, count - 1)));
  const stopping = stack.move();
  return {
    master,
    replica,
    sentinels,
    url: `redis+sentinel://${sentinels.map(({ at }) => at).join()}/${MASTER}`,
    untilFailedOver: () => untilMaster(replica, sentinels),
    [Symbol.asyncDispose]: () => stopping.disposeAsync(),
  };
}

function monitor(port: number, quorum: number): string[] {
  return [
    `sentinel monitor ${MASTER} 127.0.0.1 ${port} ${quorum}`,
    `sentinel down-after-milliseconds ${MASTER} 500`,
    `sentinel failover-timeout ${MASTER} 3000`,
  ];
}

/** A replica may take a second until it reports its offset for the first time. */
async function untilSynchronized(replica: Node, master: Node): Promise<void> {
  const isUp = async () => (await replica.cli("INFO", "replication")).includes("link_status:up");
  await until("the replica has the master's data", isUp);
  for (const command of [["SET", "warm", "1"], ["DEL", "warm"]]) await master.cli(...command);
  await until("the replica says so", async () => {
    const info = await master.cli("INFO", "replication");
    const [, known] = /^slave0:.*offset=(\d+)/m.exec(info) ?? [];
    const [, own] = /^master_repl_offset:(\d+)/m.exec(info) ?? [];
    return Number(known) > 0 && known === own;
  });
}

async function untilItKnows(sentinel: Node, others: number): Promise<void> {
  await until("the Sentinel knows the replica and the other Sentinels", async () => {
    const facts = (await sentinel.cli("SENTINEL", "MASTER", MASTER)).split("\n");
    const known = (name: string) => Number(facts[facts.indexOf(name) + 1]);
    return known("num-slaves") === 1 && known("num-other-sentinels") === others;
  });
}

async function untilMaster(replica: Node, sentinels: readonly Node[]): Promise<void> {
  await until("the replica is the master", async () => {
    if (!(await replica.cli("ROLE")).startsWith("master")) return false;
    const asked = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER];
    const answers = await Promise.all(sentinels.map((sentinel) => sentinel.cli(...asked)));
    return answers.every((answer) => answer.includes(`${replica.port}`));
  });
}
