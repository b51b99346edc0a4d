/**
 * What the bench asks of the processes that it starts, and what they report: the same for each
 * system, in whatever language. A task is one argument, in JSON; a report is one line of JSON.
 *
 * @module
 */

/** What every task says. */
interface Common {
  /** Where the layer is: `unix://PATH`, `sqlite:PATH` or `memory:`. */
  readonly url: string;
  /** The channels to use. */
  readonly channels: readonly string[];
  /** How many events a channel may hold. */
  readonly capacity: number;
}

/** Fills the channels, in turn, with `count` events of about `bytes` bytes; reports `{}`. */
export interface FillTask extends Common {
  readonly role: "fill";
  readonly count: number;
  readonly bytes: number;
}

/** Sends in three ways, for `seconds` each; reports a {@linkcode SendReport}. */
export interface SendTask extends Common {
  readonly role: "send";
  readonly seconds: number;
}

/**
 * Handles events. Reports `{}` when it listens, then a {@linkcode WorkReport} when it has handled
 * `expected` events, and one for each line `report` that it is told; for a line `collect`, a
 * {@linkcode MemoryReport}.
 */
export interface WorkTask extends Common {
  readonly role: "work";
  readonly expected: number;
}

/** Fills and then handles, in one process; reports as `work` does. */
export interface AloneTask extends Common {
  readonly role: "alone";
  readonly count: number;
  readonly bytes: number;
  /** Where it is greater than 0, the events are paced as in `pace`. */
  readonly every: number;
  readonly warmUp: number;
}

/** Sends one event every so many milliseconds, after `warmUp` that don't count; reports `{}`. */
export interface PaceTask extends Common {
  readonly role: "pace";
  readonly bytes: number;
  readonly every: number;
  readonly warmUp: number;
  readonly count: number;
}

/** Sends as fast as the layer takes it, until it is ended; `report` gives a {@linkcode FeedReport}. */
export interface FeedTask extends Common {
  readonly role: "feed";
  /** How many senders there are in this process, each awaiting what it sends. */
  readonly lanes: number;
  /** How many events each sends at once: 1 is `send`, more is `sendMany`. */
  readonly batch: number;
}

/**
 * Makes process-local channels, adds them to the group and receives on them. Reports `{}` when all
 * are in, and a {@linkcode MomentReport} each time all have received an event.
 */
export interface JoinTask extends Common {
  readonly role: "join";
  readonly group: string;
  readonly members: number;
}

/** Sends one event to the group for each line it is told; reports a {@linkcode MomentReport}. */
export interface GroupSendTask extends Common {
  readonly role: "groupSend";
  readonly group: string;
}

/**
 * Serves `GET /`, which responds with a short text, and the WebSockets `/echo`, which sends back each
 * message, and `/group`, which sends on each event of the group as JSON. Reports a
 * {@linkcode SiteReport} when it listens, and a {@linkcode MemoryReport} for each line `collect`.
 */
export interface SiteTask extends Common {
  readonly role: "site";
  readonly group: string;
  /** How this library answers HTTP requests: with `fromFetchHandler()`, or in messages of ASGI. */
  readonly http: "fetch" | "asgi";
}

/** What a process is asked to do. */
export type Task =
  | FillTask
  | SendTask
  | WorkTask
  | AloneTask
  | PaceTask
  | FeedTask
  | JoinTask
  | GroupSendTask
  | SiteTask;

/** A task before the system says where its layer is. */
export type Order = Task extends infer T ? T extends Task ? Omit<T, "url"> : never : never;

/**
 * Opens WebSockets, the same number to each port. Reports `{}` when all are open, and a
 * {@linkcode MomentReport} each time all have received a message.
 */
export interface ConnectTask {
  readonly role: "connect";
  readonly ports: readonly number[];
  readonly path: string;
  readonly sockets: number;
}

/** Sends messages on some WebSockets, each when the one before is back; reports an {@linkcode EchoReport}. */
export interface EchoTask {
  readonly role: "echo";
  readonly port: number;
  readonly sockets: number;
  /** How long it does that without counting, and counting, in seconds. */
  readonly warmUp: number;
  readonly seconds: number;
}

/** Requests `/` on some connections, each when the response before is there; reports a {@linkcode HttpReport}. */
export interface HttpTask {
  readonly role: "http";
  readonly port: number;
  readonly connections: number;
  readonly warmUp: number;
  readonly seconds: number;
}

/** What a process of clients is asked to do; it is the same for all systems. */
export type ClientTask = ConnectTask | EchoTask | HttpTask;

/** Where a site listens, on 127.0.0.1. */
export interface SiteReport {
  readonly port: number;
}

/** Round trips: messages per second, and how long they took, in milliseconds. */
export interface EchoReport {
  readonly perSecond: number;
  readonly median: number;
  readonly percentile99: number;
}

/** Requests per second. */
export interface HttpReport {
  readonly perSecond: number;
}

/** Events per second. */
export interface SendReport {
  readonly awaited: number;
  readonly at64: number;
  readonly many: number;
}

/** What a worker has done so far. */
export interface WorkReport {
  readonly handled: number;
  /** From the first to the last handled event, or to the `expected` one. */
  readonly milliseconds: number;
  /** From before `send` to the first line of the handler, of each event that says when it was sent. */
  readonly latencies: readonly number[];
}

/** What of a process's heap is in use after a garbage collection, in megabytes. */
export interface MemoryReport {
  readonly live: number;
}

/** How long things took, in milliseconds. */
export interface HopReport {
  /** Each event until the next is asked for, on the event loop and on a thread. */
  readonly loop: readonly number[];
  readonly thread: readonly number[];
  /** Each event on its way to the thread, until its handler begins. */
  readonly there: readonly number[];
  /** Each message to a bare thread of the runtime and back. */
  readonly bare: readonly number[];
  /** Each call of a handler on a thread. */
  readonly calls: readonly number[];
}

/** What a sender has done so far. */
export interface FeedReport {
  readonly sent: number;
  readonly refused: number;
}

/** A moment: milliseconds since 1970, with fractions. */
export interface MomentReport {
  readonly at: number;
}
