import { setImmediate } from "node:timers";
import { packError, startThread, type Thread } from "../../threads/internal.ts";
import {
  type Call,
  GATE,
  type Init,
  type Notice,
  type Outcome,
  readCall,
  readReply,
  type Reply,
  type Request,
} from "./messages.ts";

/** How often a thread may report an unhandled error, in milliseconds. */
const UNHANDLED_INTERVAL = 1_000;

/** How a thread for consumers is started. */
export interface ConsumerThreadOptions {
  /** The URL of the module that exports the consumers. */
  readonly module: string;
  /** What its code may do. */
  readonly permissions: Deno.PermissionOptions;
  /** How much memory its objects may take, in megabytes; ignored with other permissions than `"inherit"`. */
  readonly memoryLimit: number;
}

/** What the owner of a thread does for it. */
export interface ConsumerThreadOwner {
  /** The thread has replied to a request, or reports an unhandled error. */
  readonly onReply: (reply: Reply) => void;
  /** A handler waits for the main thread, until the signal is aborted. */
  readonly onCall: (call: Call, signal: AbortSignal) => Promise<unknown>;
  /** The thread has exited by itself, or must be terminated. */
  readonly onExit: (reason: string) => void;
}

// Named by an import as well, the module is fetched with the program, not with its first thread.
void (() => import("./inside.ts"));

/**
 * A thread that runs consumers, as the main thread sees it.
 *
 * Its code may send anything at any time. So it is known at each moment which message may be next:
 * one reply to each request, one call at a time, one unhandled error at a time. Any other message
 * terminates the thread, and is the last one that is read.
 */
export class ConsumerThread {
  readonly #thread: Thread;
  readonly #owner: ConsumerThreadOwner;
  readonly #requests: MessagePort;
  readonly #calls: MessagePort;
  readonly #exited: Promise<void>;
  readonly #ready = Promise.withResolvers<void>();
  readonly #gate = new Int32Array(new SharedArrayBuffer(8));
  readonly #connected = new AbortController();
  readonly #expected = new Set(["started"]);
  #lastId = 0;
  #isCalling = false;
  #unhandledTimer: ReturnType<typeof setTimeout> | undefined;

  /** Starts the thread. */
  constructor(options: ConsumerThreadOptions, owner: ConsumerThreadOwner) {
    const [requests, calls] = [new MessageChannel(), new MessageChannel()];
    this.#owner = owner;
    this.#requests = requests.port1;
    this.#calls = calls.port1;
    this.#requests.onmessage = ({ data }) => this.#receive(readReply(data));
    this.#calls.onmessage = ({ data }) => this.#answer(readCall(data));
    this.#requests.onmessageerror = this.#calls.onmessageerror = () => this.#reject();
    this.#thread = this.#start(options, { requests: requests.port2, calls: calls.port2 });
    this.#exited = this.#watch();
  }

  /** Resolves once its module is loaded, or has failed to load; never if the thread exits before. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Sends a request; `onReply()` is called with the reply. */
  request(request: Request): void {
    const id = ++this.#lastId;
    this.#requests.postMessage({ ...request, id });
    this.#expected.add(`reply ${id}`);
  }

  /** Sends a message that has no reply. */
  notify(notice: Notice): void {
    this.#requests.postMessage(notice);
  }

  /** Terminates the thread, whatever it does, and waits until it has exited. */
  async terminate(): Promise<void> {
    this.#disconnect();
    this.#thread.terminate();
    // Deno cannot end every thread that waits for a call: this makes the call throw.
    Atomics.store(this.#gate, GATE.terminated, 1);
    this.#openGate();
    await this.#exited;
  }

  #start(
    { module, permissions, memoryLimit }: ConsumerThreadOptions,
    ports: Pick<Init, "requests" | "calls">,
  ): Thread {
    const isRestricted = permissions !== "inherit";
    const init: Init = { module, ...ports, gate: this.#gate, isRestricted };
    const entry = import.meta.resolve("./inside.ts");
    return startThread(
      { entry, module, permissions, memoryLimit },
      init,
      [ports.requests, ports.calls],
    );
  }

  async #watch(): Promise<void> {
    const reason = await this.#thread.exited;
    this.#disconnect();
    // The runtime releases a port a moment later.
    await new Promise((resolve) => setImmediate(resolve));
    this.#owner.onExit(reason);
  }

  /** From now on, none of its messages is read, and none of its calls is made. */
  #disconnect(): void {
    if (this.#connected.signal.aborted) return;
    this.#connected.abort(new Error("The thread has exited"));
    clearTimeout(this.#unhandledTimer);
    const ports = [this.#requests, this.#calls];
    for (const port of ports) port.onmessage = port.onmessageerror = null;
    // Closing a port reads it to its end, which is never reached while a thread continues to send.
    this.#thread.ended.then(() => ports.forEach((port) => port.close()));
  }

  /** It has sent an invalid message: its code interferes with the protocol. */
  #reject(): void {
    if (this.#connected.signal.aborted) return;
    this.#disconnect();
    this.#owner.onExit("its code sent a message that is not part of the protocol");
  }

  #receive(reply: Reply | undefined): void {
    if (this.#connected.signal.aborted) return;
    if (!reply || !this.#expected.delete(expectationOf(reply))) return this.#reject();
    if (reply.type === "started") {
      this.#expected.add("ready").add("unhandled");
      this.#thread.confirm();
    } else if (reply.type === "ready") this.#ready.resolve();
    else {
      if (reply.type === "unhandled") this.#pauseUnhandled();
      this.#owner.onReply(reply);
    }
  }

  /** Errors without end must not flood the log. */
  #pauseUnhandled(): void {
    this.#unhandledTimer = setTimeout(() => {
      this.#expected.add("unhandled");
      this.notify({ type: "continue" });
    }, UNHANDLED_INTERVAL);
  }

  async #answer(call: Call | undefined): Promise<void> {
    const { signal } = this.#connected;
    if (signal.aborted) return;
    if (!call || this.#isCalling) return this.#reject();
    this.#isCalling = true;
    const outcome = await this.#outcomeOf(call);
    this.#isCalling = false;
    if (signal.aborted) return;
    this.#calls.postMessage(outcome);
    this.#openGate();
  }

  async #outcomeOf(call: Call): Promise<Outcome> {
    try {
      const value = await this.#owner.onCall(call, this.#connected.signal);
      return { value: typeof value === "string" ? value : undefined };
    } catch (error) {
      return { error: packError(error) };
    }
  }

  #openGate(): void {
    Atomics.store(this.#gate, GATE.answered, 1);
    Atomics.notify(this.#gate, GATE.answered);
  }
}

/** Returns what must be expected for a reply to be valid. */
function expectationOf(reply: Reply): string {
  return "id" in reply ? `reply ${reply.id}` : reply.type;
}
