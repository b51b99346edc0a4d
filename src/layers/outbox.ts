import { LayerUnavailableError } from "../errors.ts";
import { OutboxEntry } from "./outbox_entry.ts";
import { OutboxLine } from "./outbox_line.ts";
import type { Store } from "./store.ts";

/** How many bytes may wait here for a store that is slow, or away. */
const MOST_BYTES = 134_217_728;

/** What a message costs beside its bytes, roughly. */
const OVERHEAD = 256;

/** How a caller wants its bodies to be sent. */
export interface AppendOptions {
  /** Whether to wait for room where there is none. */
  readonly isPatient?: boolean;
  /** Gives it up. */
  readonly signal?: AbortSignal | undefined;
}

/** What has become of the bodies of a call that was given up. */
export class GivenUp {
  /**
   * @param accepted How many the store had taken, the first ones.
   * @param mayBeDone Whether others were on their way.
   */
  constructor(readonly accepted: number, readonly mayBeDone: boolean) {}
}

/**
 * Sends together what is sent at the same time: calls that don't wait for each other cost the store
 * one step. For each key one step is under way at a time, so that nothing overtakes what was sent
 * before it, however a store divides its steps.
 */
export class Outbox {
  readonly #store: Store;
  readonly #name: string;
  readonly #lines = new Map<string, OutboxLine>();
  #emptied = Promise.withResolvers<void>();
  #bytes = 0;

  /** @param name What the layer is called in messages for people. */
  constructor(store: Store, name: string) {
    this.#store = store;
    this.#name = name;
  }

  /**
   * Appends bodies under a key, until it holds `capacity`.
   *
   * @returns How many were taken, the first ones.
   * @throws {GivenUp} When the signal was aborted first.
   */
  append(
    key: string,
    bodies: readonly Uint8Array[],
    capacity: number,
    { isPatient = false, signal }: AppendOptions = {},
  ): Promise<number> {
    if (this.#bytes > MOST_BYTES) return Promise.reject(this.#overflow());
    const size = sizeOf(bodies);
    this.#bytes += size;
    const entry = new OutboxEntry(bodies, isPatient, () => this.#bytes -= size);
    const line = this.#lineTo(key, capacity);
    line.add(entry);
    return signal ? untilAborted(entry, line, signal) : entry.result;
  }

  /** Waits until all has left, or has failed to; nobody waits for room any more. */
  async close(): Promise<void> {
    for (const line of this.#lines.values()) line.close();
    if (this.#lines.size > 0) await this.#emptied.promise;
  }

  /** A line is there as long as something waits or is under way. */
  #lineTo(key: string, capacity: number): OutboxLine {
    const id = `${capacity} ${key}`;
    const known = this.#lines.get(id);
    if (known) return known;
    const line = new OutboxLine(this.#store, key, capacity);
    this.#lines.set(id, line);
    // Those who call in the same turn come along.
    queueMicrotask(async () => {
      await line.run();
      this.#lines.delete(id);
      if (this.#lines.size === 0) this.#noteEmpty();
    });
    return line;
  }

  #noteEmpty(): void {
    this.#emptied.resolve();
    this.#emptied = Promise.withResolvers();
  }

  #overflow(): LayerUnavailableError {
    const reason = `over ${MOST_BYTES / 1_048_576} MiB of messages wait to be sent already: ` +
      "wait for the promises of send()";
    return new LayerUnavailableError(this.#name, reason);
  }
}

/** What hasn't left yet when it is aborted never will. */
function untilAborted(
  entry: OutboxEntry,
  line: OutboxLine,
  signal: AbortSignal,
): Promise<number> {
  const giveUp = () => entry.fail(new GivenUp(entry.accepted, line.isLeaving(entry)));
  if (signal.aborted) giveUp();
  else signal.addEventListener("abort", giveUp, { once: true });
  return entry.result.finally(() => signal.removeEventListener("abort", giveUp));
}

function sizeOf(bodies: readonly Uint8Array[]): number {
  return bodies.reduce((sum, { length }) => sum + length + OVERHEAD, 0);
}
