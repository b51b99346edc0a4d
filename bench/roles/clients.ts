/**
 * The clients of a server, the same for all systems: `deno run -A bench/roles/clients.ts TASK`, with
 * the task in JSON.
 *
 * @module
 */
import { quantile } from "../statistics.ts";
import type { ClientTask, ConnectTask, EchoTask, HttpTask } from "../tasks.ts";
import { now } from "./clock.ts";
import { openHttp, openSocket } from "./connections.ts";
import { Poller } from "./poller.ts";
import { report } from "./terminal.ts";

/** How many handshakes are under way at once. */
const AT_ONCE = 50;

const TEXT = new TextEncoder().encode("a message of 32 bytes, for echo.");

const poller = new Poller();

if (import.meta.main) {
  play(JSON.parse(Deno.args[0] ?? ""));
  Deno.exit();
}

function play(task: ClientTask): void {
  if (task.role === "connect") connect(task);
  if (task.role === "echo") echo(task);
  if (task.role === "http") requestHttp(task);
}

function connect({ ports, path, sockets }: ConnectTask): void {
  let [started, opened, received] = [0, 0, 0];
  const openNext = () => {
    if (started === sockets) return;
    const port = ports[started++ % ports.length]!;
    openSocket(poller, { port, path }, { onOpen, onMessage });
  };
  const onOpen = () => {
    opened++;
    openNext();
  };
  const onMessage = () => {
    if (++received % sockets === 0) report({ at: now() });
  };
  for (let index = 0; index < AT_ONCE; index++) openNext();
  poller.runUntil(() => opened === sockets);
  report({});
  poller.runUntil(() => false);
}

function echo({ port, sockets, ...times }: EchoTask): void {
  const { perSecond, durations } = measure(sockets, times, (onReady) => {
    const onSocket = (send: (text: Uint8Array) => void) => onReady(() => send(TEXT));
    openSocket(poller, { port, path: "/echo" }, { onOpen: onSocket, onMessage: onSocket });
  });
  report({ perSecond, median: quantile(durations, 0.5), percentile99: quantile(durations, 0.99) });
}

function requestHttp({ port, connections, ...times }: HttpTask): void {
  const open: Open = (onReady) => openHttp(poller, port, onReady);
  report({ perSecond: measure(connections, times, open).perSecond });
}

/** Opens a connection; what it calls when it is open and after each reply gets how to send again. */
type Open = (onReady: (send: () => void) => void) => void;

/** What was measured, in milliseconds. */
interface Measured {
  readonly perSecond: number;
  readonly durations: readonly number[];
}

/** Has connections send again and again, each after the reply, and measures after the warm-up. */
function measure(
  count: number,
  { warmUp, seconds }: Pick<HttpTask, "warmUp" | "seconds">,
  open: Open,
): Measured {
  const first: (() => void)[] = [];
  const durations: number[] = [];
  let [start, end] = [Infinity, Infinity];
  for (let index = 0; index < count; index++) {
    let sentAt = NaN;
    open((send) => {
      const act = () => {
        sentAt = performance.now();
        send();
      };
      if (start === Infinity) return first.push(act);
      if (sentAt >= start) durations.push(performance.now() - sentAt);
      act();
    });
  }
  poller.runUntil(() => first.length === count);
  start = performance.now() + warmUp * 1_000;
  end = start + seconds * 1_000;
  for (const act of first) act();
  poller.runUntil(() => performance.now() > end);
  return { perSecond: durations.length / seconds, durations };
}
