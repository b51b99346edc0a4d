import { LayerUnavailableError } from "../../errors.ts";
import type { SendOptions } from "../channel_layer.ts";
import type { Store } from "../store.ts";
import { PendingSend, type SendRequest } from "./pending_send.ts";
import { SendQueue } from "./send_queue.ts";

/** How many bytes may be buffered for a store that is slow or unavailable. */
const MAX_BYTES = 134_217_728;

/**
 * Collects concurrent sends into batches: sends that don't wait for each other cost the store one
 * step. Each channel has one batch under way at a time, so that no message overtakes another one of
 * its channel, regardless of how a store divides its steps.
 */
export class SendBuffer {
  readonly #store: Store;
  readonly #name: string;
  readonly #queues = new Map<string, SendQueue>();
  readonly #release = (bytes: number): void => void (this.#bytes -= bytes);
  #emptied = Promise.withResolvers<void>();
  #bytes = 0;

  /** @param name The layer's name, for errors. */
  constructor(store: Store, name: string) {
    this.#store = store;
    this.#name = name;
  }

  /**
   * Sends the bodies of one call, in their order. Resolves when the store has accepted all of them.
   *
   * @throws {RangeError} If the timeout is invalid.
   * @throws {ChannelFullError} If the channel has no capacity left.
   * @throws {SendTimeoutError} If the timeout expires first.
   * @throws {LayerUnavailableError} If the store cannot be used, or too much is buffered already.
   * @throws {unknown} The signal's reason, if it is aborted first.
   */
  send(request: SendRequest, options?: SendOptions): Promise<void> {
    if (options) checkOptions(options);
    if (this.#bytes > MAX_BYTES) return Promise.reject(this.#overflow());
    const queue = this.#queueOf(request);
    const send = new PendingSend(request, queue);
    this.#bytes += send.size;
    if (options) send.limit(options);
    queue.add(send);
    return send.result;
  }

  /** Waits until everything has been sent or has failed; no send waits for capacity any longer. */
  async close(): Promise<void> {
    for (const queue of this.#queues.values()) queue.close();
    if (this.#queues.size > 0) await this.#emptied.promise;
  }

  /** Returns the queue of a key and capacity; it exists as long as it has anything to send. */
  #queueOf({ key, capacity }: SendRequest): SendQueue {
    const id = `${capacity} ${key}`;
    const known = this.#queues.get(id);
    if (known) return known;
    const queue = new SendQueue({ store: this.#store, key, capacity, release: this.#release });
    this.#queues.set(id, queue);
    this.#run(id, queue);
    return queue;
  }

  async #run(id: string, queue: SendQueue): Promise<void> {
    // Sends of the same turn join the first batch.
    await null;
    while (queue.hasWork()) await queue.step();
    // No `await` may come between: a send that is added from now on would be left in a dead queue.
    this.#queues.delete(id);
    if (this.#queues.size > 0) return;
    this.#emptied.resolve();
    this.#emptied = Promise.withResolvers();
  }

  #overflow(): LayerUnavailableError {
    const reason = `over ${MAX_BYTES / 1_048_576} MiB of messages wait to be sent already: ` +
      "wait for the promises of send()";
    return new LayerUnavailableError({ layer: this.#name, reason });
  }
}

function checkOptions({ signal, timeout = 0 }: SendOptions): void {
  if (!(timeout >= 0 && timeout <= 0x7fff_ffff)) {
    throw new RangeError(`timeout must be a number of milliseconds from 0: ${timeout}`);
  }
  signal?.throwIfAborted();
}
