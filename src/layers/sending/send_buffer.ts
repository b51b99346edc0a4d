import { Backoff } from "../../async.ts";
import { LayerUnavailableError } from "../../errors/mod.ts";
import type { SendOptions } from "../channel_layer.ts";
import type { Store } from "../store.ts";
import { PendingSend, type SendRequest } from "./pending_send.ts";

/** The maximum size of all buffered messages, in bytes: the store may be slow or unavailable. */
const MAX_BYTES = 134_217_728;

/** The delays between attempts to send to a full channel, in milliseconds. */
const FULL_DELAYS = { min: 2, max: 50 };

/** What a {@linkcode SendQueue} needs of its buffer. */
interface SendQueueContext {
  readonly store: Store;
  /** Releases the buffered bytes of a send that has settled. */
  readonly release: (bytes: number) => void;
}

/**
 * Collects concurrent sends into batches: sends that do not await each other cost the store one
 * operation. Each channel has one batch in flight at a time, so that no message overtakes another
 * one of its channel, however a store splits its operations.
 */
export class SendBuffer {
  readonly #name: string;
  readonly #context: SendQueueContext;
  readonly #queues = new Map<string, SendQueue>();
  #emptied = Promise.withResolvers<void>();
  #bytes = 0;

  /** @param name The URL of the layer, for errors. */
  constructor(store: Store, name: string) {
    this.#name = name;
    this.#context = { store, release: (bytes) => void (this.#bytes -= bytes) };
  }

  /**
   * Sends the bodies of one call in order. Resolves when the store has accepted all of them.
   *
   * @throws {RangeError} If the timeout is invalid.
   * @throws {ChannelFullError} If the channel is full.
   * @throws {SendTimeoutError} If the timeout elapses first.
   * @throws {LayerUnavailableError} If the store is unavailable, or the buffer is full.
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

  /** Waits until everything has been sent or has failed. Sends stop waiting for capacity. */
  async close(): Promise<void> {
    for (const queue of this.#queues.values()) queue.close();
    if (this.#queues.size > 0) await this.#emptied.promise;
  }

  /** Returns the queue of a key and capacity. It exists as long as it has anything to send. */
  #queueOf({ key, capacity }: SendRequest): SendQueue {
    const id = `${capacity} ${key}`;
    const known = this.#queues.get(id);
    if (known) return known;
    const queue = new SendQueue(this.#context, key, capacity);
    this.#queues.set(id, queue);
    this.#run(id, queue);
    return queue;
  }

  async #run(id: string, queue: SendQueue): Promise<void> {
    // Sends of the same turn of the event loop join the first batch.
    await null;
    while (queue.hasWork()) await queue.sendBatch();
    // An `await` here would leave a send that is added meanwhile in a queue that nothing runs.
    this.#queues.delete(id);
    if (this.#queues.size > 0) return;
    this.#emptied.resolve();
    this.#emptied = Promise.withResolvers();
  }

  #overflow(): LayerUnavailableError {
    const reason = `the send buffer exceeds ${MAX_BYTES / 1_048_576} MiB: ` +
      "await the promises that send() returns";
    return new LayerUnavailableError({ layer: this.#name, reason });
  }
}

function checkOptions({ signal, timeout = 0 }: SendOptions): void {
  if (!(timeout >= 0 && timeout <= 0x7fff_ffff)) {
    throw new RangeError(`timeout must be between 0 and ${0x7fff_ffff} ms, got ${timeout}`);
  }
  signal?.throwIfAborted();
}

/** The sends to one key, first in, first out, with one batch in flight at a time. */
class SendQueue {
  readonly #context: SendQueueContext;
  readonly #key: string;
  readonly #capacity: number;
  /** Created when the channel is full: each send that is awaited has a queue of its own. */
  #backoff: Backoff | undefined;
  #waiting: PendingSend[] = [];
  /** Whether the channel was full and a send waits for capacity: then all sends in the queue do. */
  #isFull = false;
  #wake: () => void = () => {};

  constructor(context: SendQueueContext, key: string, capacity: number) {
    this.#context = context;
    this.#key = key;
    this.#capacity = capacity;
  }

  /** Adds a send. One that doesn't wait for capacity is rejected if others do: it must not overtake. */
  add(send: PendingSend): void {
    if (this.#isFull && !send.waits) send.rejectFull();
    else this.#waiting.push(send);
  }

  /** Removes the sends that have settled, and returns whether any are left. */
  hasWork(): boolean {
    this.#waiting = this.#waiting.filter(({ isSettled }) => !isSettled);
    return this.#waiting.length > 0;
  }

  /** Sends the next batch, and pauses if the channel is full. */
  async sendBatch(): Promise<void> {
    const { store } = this.#context;
    const { bodies, shares } = nextBatch(this.#waiting, store.batchLimit);
    for (const { send } of shares) send.isInFlight = true;
    try {
      const accepted = await store.append(this.#key, bodies, this.#capacity);
      this.#account(shares, accepted);
      this.#isFull = accepted < bodies.length && this.#rejectBehindWaiting();
    } catch (error) {
      for (const { send } of shares) send.fail(error);
      this.#isFull = false;
    }
    if (this.#isFull) await this.#pause();
  }

  /** Called when a send has settled. */
  settled({ size }: PendingSend): void {
    this.#context.release(size);
    if (!this.#isFull || this.#waiting.some(({ isSettled }) => !isSettled)) return;
    this.#isFull = false;
    this.#wake();
  }

  /** Tries once more to send what is left: sends stop waiting for capacity. */
  close(): void {
    for (const send of this.#waiting) send.stopWaiting("the layer was closed meanwhile");
    this.#isFull = false;
    this.#wake();
  }

  #account(shares: readonly Share[], accepted: number): void {
    if (accepted > 0) this.#backoff?.reset();
    let left = accepted;
    for (const { send, count } of shares) {
      send.isInFlight = false;
      const taken = Math.min(left, count);
      left -= taken;
      send.accept(taken);
      if (taken < count && !send.waits) send.rejectFull();
    }
  }

  /** Rejects the sends behind one that waits for capacity. Returns whether there is one. */
  #rejectBehindWaiting(): boolean {
    let isBlocked = false;
    for (const send of this.#waiting) {
      if (send.isSettled) continue;
      if (send.waits) isBlocked = true;
      else if (isBlocked) send.rejectFull();
    }
    return isBlocked;
  }

  async #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#backoff ??= new Backoff(FULL_DELAYS);
    const timer = setTimeout(resolve, this.#backoff.next());
    this.#wake = resolve;
    await promise;
    clearTimeout(timer);
  }
}

/** The part of a send that is in a batch. */
interface Share {
  readonly send: PendingSend;
  readonly count: number;
}

/** Returns as many bodies as the store accepts in one operation, but at least one. */
function nextBatch(
  waiting: readonly PendingSend[],
  limit: Store["batchLimit"],
): { readonly bodies: readonly Uint8Array[]; readonly shares: readonly Share[] } {
  let { messages, bytes } = limit;
  const bodies: Uint8Array[] = [];
  const shares: Share[] = [];
  for (const send of waiting) {
    const first = bodies.length;
    for (let index = send.accepted; index < send.bodies.length; index++) {
      const body = send.bodies[index]!;
      bytes -= body.length;
      if (messages-- <= 0 || (bytes < 0 && bodies.length > 0)) break;
      bodies.push(body);
    }
    if (bodies.length > first) shares.push({ send, count: bodies.length - first });
    if (messages <= 0 || bytes <= 0) break;
  }
  return { bodies, shares };
}
