import { setImmediate } from "node:timers";
import { type Runtime, type RuntimeOptions, startRuntime } from "./runtime.ts";
import {
  type Answer,
  type Call,
  GATE,
  type Notice,
  type Outcome,
  readAnswer,
  readCall,
  type Request,
} from "./messages.ts";
import { packError } from "./packed_error.ts";

/** How often a thread may tell of errors that no request waits for, in milliseconds. */
const STRAY_PAUSE = 1_000;

/** What a thread asks of the main thread. */
export interface ThreadOwner {
  /** It has answered a request, or tells of a stray error. */
  readonly heard: (answer: Answer) => void;
  /** A handler waits for something that the main thread has to do, until the signal is aborted. */
  readonly called: (call: Call, signal: AbortSignal) => Promise<unknown>;
  /** It has come to its end by itself, or has to be ended. */
  readonly died: (reason: string) => void;
}

/**
 * A thread that runs consumers: the end of it that is in the main thread.
 *
 * Its code may send anything, at any time. So at each moment it is known what may come next: an
 * answer to each request, one call at a time, one stray error at a time. All else ends the thread,
 * and is the last that is read from it.
 */
export class Thread {
  readonly #engine: Runtime;
  readonly #host: ThreadOwner;
  readonly #port: MessagePort;
  readonly #calls: MessagePort;
  readonly #gone: Promise<void>;
  readonly #ready = Promise.withResolvers<void>();
  readonly #gate = new Int32Array(new SharedArrayBuffer(8));
  readonly #connected = new AbortController();
  readonly #expected = new Set(["alive"]);
  #requests = 0;
  #isCalling = false;
  #strayTimer: ReturnType<typeof setTimeout> | undefined;

  /** Starts it. */
  constructor(options: RuntimeOptions, host: ThreadOwner) {
    const [requests, calls] = [new MessageChannel(), new MessageChannel()];
    const lock = `asgi.channels.thread.${crypto.randomUUID()}`;
    this.#host = host;
    this.#port = requests.port1;
    this.#calls = calls.port1;
    this.#port.onmessage = ({ data }) => this.#hear(readAnswer(data));
    this.#calls.onmessage = ({ data }) => this.#answer(readCall(data));
    this.#port.onmessageerror = this.#calls.onmessageerror = () => this.#refuse();
    this.#engine = startRuntime(options, lock);
    const isFenced = options.permissions !== "inherit";
    const ports = { port: requests.port2, calls: calls.port2 };
    this.#engine.welcome({ ...ports, gate: this.#gate, lock, isFenced });
    this.#gone = this.#watch();
  }

  /** Resolves when its module is loaded, or couldn't be; never when it dies before. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Sends it a request: it answers with `heard()`. */
  ask(request: Request): void {
    const id = ++this.#requests;
    this.#port.postMessage({ ...request, id });
    this.#expected.add(`answer ${id}`);
  }

  /** Tells it something that it doesn't answer. */
  notify(notice: Notice): void {
    this.#port.postMessage(notice);
  }

  /** Ends it, whatever it does, and waits until it has gone. */
  async end(): Promise<void> {
    this.#disconnect();
    this.#engine.terminate();
    // Waiting for a call can't be ended by force everywhere: it is told to give up.
    Atomics.store(this.#gate, GATE.ended, 1);
    this.#openGate();
    await this.#gone;
  }

  async #watch(): Promise<void> {
    const reason = await this.#engine.died;
    this.#disconnect();
    // The runtime lets go of a port a moment later.
    await new Promise((resolve) => setImmediate(resolve));
    this.#host.died(reason);
  }

  /** From now on, nothing that it says is read, and nothing is done for it. */
  #disconnect(): void {
    if (this.#connected.signal.aborted) return;
    this.#connected.abort(new Error("The thread has ended"));
    clearTimeout(this.#strayTimer);
    for (const port of [this.#port, this.#calls]) port.onmessage = port.onmessageerror = null;
    // To close a port reads it to its end, which never comes while a thread goes on sending.
    this.#engine.gone.then(() => [this.#port, this.#calls].forEach((port) => port.close()));
  }

  /** It has sent what can't be: its code plays with the protocol. */
  #refuse(): void {
    if (this.#connected.signal.aborted) return;
    this.#disconnect();
    this.#host.died("its code sent a message that is not part of the protocol");
  }

  #hear(answer: Answer | undefined): void {
    if (this.#connected.signal.aborted) return;
    if (!answer || !this.#expected.delete(expectationOf(answer))) return this.#refuse();
    if (answer.said === "alive") {
      this.#expected.add("ready").add("stray");
      this.#engine.alive();
    } else if (answer.said === "ready") this.#ready.resolve();
    else {
      if (answer.said === "stray") this.#pauseStrays();
      this.#host.heard(answer);
    }
  }

  /** What fails without end must not flood the log. */
  #pauseStrays(): void {
    this.#strayTimer = setTimeout(() => {
      this.#expected.add("stray");
      this.notify({ ask: "continue" });
    }, STRAY_PAUSE);
  }

  async #answer(call: Call | undefined): Promise<void> {
    const { signal } = this.#connected;
    if (signal.aborted) return;
    if (!call || this.#isCalling) return this.#refuse();
    this.#isCalling = true;
    const outcome = await this.#outcomeOf(call);
    this.#isCalling = false;
    if (signal.aborted) return;
    this.#calls.postMessage(outcome);
    this.#openGate();
  }

  async #outcomeOf(call: Call): Promise<Outcome> {
    try {
      const value = await this.#host.called(call, this.#connected.signal);
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

/** What must be expected for an answer to be heard. */
function expectationOf(answer: Answer): string {
  return "id" in answer ? `answer ${answer.id}` : answer.said;
}
