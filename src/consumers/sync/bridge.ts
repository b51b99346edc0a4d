import { receiveMessageOnPort } from "node:worker_threads";
import { type Call, GATE, type Outcome, type Welcome } from "./messages.ts";
import { unpackError } from "./packed_error.ts";

/** The way from a handler to the main thread: the thread stands still until that has answered. */
export class Bridge {
  readonly #calls: MessagePort;
  readonly #gate: Int32Array<SharedArrayBuffer>;

  constructor({ calls, gate }: Pick<Welcome, "calls" | "gate">) {
    this.#calls = calls;
    this.#gate = gate;
  }

  /**
   * Has the main thread do something for a consumer.
   *
   * @throws {TypeError} When an argument can't go to another thread.
   * @throws What the main thread threw.
   */
  call(call: Call): unknown {
    Atomics.store(this.#gate, GATE.answered, 0);
    this.#post(call);
    if (Atomics.load(this.#gate, GATE.ended) === 0) Atomics.wait(this.#gate, GATE.answered, 0);
    const outcome: Outcome | undefined = receiveMessageOnPort(this.#calls as never)?.message;
    if (!outcome) throw new Error("This thread is being ended");
    if ("value" in outcome) return outcome.value;
    throw withOurStack(unpackError(outcome.error), this.call);
  }

  #post(call: Call): void {
    try {
      this.#calls.postMessage(call);
    } catch (error) {
      throw new TypeError(`A thread can't send this: ${(error as Error).message}`);
    }
  }
}

/** Where the handler called is what its author wants to know. */
function withOurStack(error: unknown, above: (...args: never[]) => unknown): unknown {
  if (error instanceof Error) Error.captureStackTrace(error, above);
  return error;
}
