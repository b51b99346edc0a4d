import { setImmediate } from "node:timers";
import { type Engine, type EngineOptions, startEngine } from "./engine.ts";
import {
  type Answer,
  type Call,
  GATE,
  type Notice,
  type Outcome,
  type Request,
} from "./messages.ts";
import { packError } from "./packed_error.ts";

/** What a thread asks of the main thread. */
export interface ThreadHost {
  /** It has said something. */
  readonly heard: (answer: Answer) => void;
  /** A handler waits for something that the main thread has to do. */
  readonly called: (call: Call) => Promise<unknown>;
  /** It has come to its end by itself. */
  readonly died: (reason: string) => void;
}

/** A thread that runs consumers: the end of it that is in the main thread. */
export class Thread {
  readonly #engine: Engine;
  readonly #host: ThreadHost;
  readonly #port: MessagePort;
  readonly #calls: MessagePort;
  readonly #gone: Promise<void>;
  readonly #ready = Promise.withResolvers<void>();
  readonly #gate = new Int32Array(new SharedArrayBuffer(8));

  /** Starts it. */
  constructor(options: EngineOptions, host: ThreadHost) {
    const [requests, calls] = [new MessageChannel(), new MessageChannel()];
    const lock = `asgi.channels.thread.${crypto.randomUUID()}`;
    this.#host = host;
    this.#port = requests.port1;
    this.#calls = calls.port1;
    this.#port.onmessage = ({ data }) => this.#hear(data);
    this.#calls.onmessage = ({ data }) => this.#answer(data);
    this.#engine = startEngine(options, lock);
    this.#engine.welcome({ port: requests.port2, calls: calls.port2, gate: this.#gate, lock });
    this.#gone = this.#watch();
  }

  /** Resolves when its module is loaded, or couldn't be; never when it dies before. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Sends it a request or a notice. */
  post(message: Request | Notice): void {
    this.#port.postMessage(message);
  }

  /** Ends it, whatever it does, and waits until it has gone. */
  async end(): Promise<void> {
    this.#engine.terminate();
    // Waiting for a call can't be ended by force everywhere: it is told to give up.
    Atomics.store(this.#gate, GATE.ended, 1);
    this.#openGate();
    await this.#gone;
  }

  async #watch(): Promise<void> {
    const reason = await this.#engine.died;
    this.#port.close();
    this.#calls.close();
    // The runtime lets go of a port a moment later.
    await new Promise((resolve) => setImmediate(resolve));
    this.#host.died(reason);
  }

  #hear(answer: Answer): void {
    if (answer.said === "alive") this.#engine.alive();
    else if (answer.said === "ready") this.#ready.resolve();
    else this.#host.heard(answer);
  }

  async #answer(call: Call): Promise<void> {
    let outcome: Outcome;
    try {
      outcome = { value: await this.#host.called(call) };
    } catch (error) {
      outcome = { error: packError(error) };
    }
    this.#calls.postMessage(outcome);
    this.#openGate();
  }

  #openGate(): void {
    Atomics.store(this.#gate, GATE.answered, 1);
    Atomics.notify(this.#gate, GATE.answered);
  }
}
