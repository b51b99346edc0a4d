/**
 * The clients of a server, the same for all systems: `deno run -A bench/roles/clients.ts TASK`, with
 * the task in JSON.
 *
 * @module
 */
import { quantile } from "../statistics.ts";
import type { ClientTask, ConnectTask, EchoTask, HttpTask } from "../tasks.ts";
import { now } from "./clock.ts";
import { HttpClient } from "./http_client.ts";
import { SocketClient } from "./socket_client.ts";
import { report } from "./terminal.ts";

/** How many handshakes are under way at once. */
const AT_ONCE = 50;

const TEXT = new TextEncoder().encode("a message of 32 bytes, for echo.");

if (import.meta.main) {
  await play(JSON.parse(Deno.args[0] ?? ""));
  Deno.exit();
}

async function play(task: ClientTask): Promise<void> {
  if (task.role === "connect") await connect(task);
  if (task.role === "echo") await echo(task);
  if (task.role === "http") await requestHttp(task);
}

async function connect({ ports, path, sockets }: ConnectTask): Promise<void> {
  const targets = Array.from({ length: sockets }, (_, index) => ports[index % ports.length]!);
  const clients: SocketClient[] = [];
  for (let from = 0; from < sockets; from += AT_ONCE) {
    const some = targets.slice(from, from + AT_ONCE);
    clients.push(...await Promise.all(some.map((port) => SocketClient.open(port, path))));
  }
  report({});
  let received = 0;
  await Promise.all(clients.map(async (client) => {
    for (;;) {
      await client.next();
      if (++received % sockets === 0) report({ at: now() });
    }
  }));
}

async function echo({ port, sockets, ...times }: EchoTask): Promise<void> {
  const clients = await open(sockets, () => SocketClient.open(port, "/echo"));
  const { perSecond, durations } = await measure(clients, times, async (client) => {
    await client.send(TEXT);
    await client.next();
  });
  report({ perSecond, median: quantile(durations, 0.5), percentile99: quantile(durations, 0.99) });
}

async function requestHttp({ port, connections, ...times }: HttpTask): Promise<void> {
  const clients = await open(connections, () => HttpClient.open(port));
  const { perSecond } = await measure(clients, times, (client) => client.request());
  report({ perSecond });
}

function open<Client>(count: number, openOne: () => Promise<Client>): Promise<Client[]> {
  return Promise.all(Array.from({ length: count }, openOne));
}

interface Measured {
  readonly perSecond: number;
  /** In milliseconds. */
  readonly durations: readonly number[];
}

/** Has each client do something again and again, and measures after the warm-up. */
async function measure<Client>(
  clients: readonly Client[],
  { warmUp, seconds }: Pick<HttpTask, "warmUp" | "seconds">,
  act: (client: Client) => Promise<void>,
): Promise<Measured> {
  const start = performance.now() + warmUp * 1000;
  const end = start + seconds * 1000;
  const durations: number[] = [];
  await Promise.all(clients.map(async (client) => {
    for (let before = performance.now(); before < end;) {
      await act(client);
      const after = performance.now();
      if (before >= start && after <= end) durations.push(after - before);
      before = after;
    }
  }));
  return { perSecond: durations.length / seconds, durations };
}
