import { SendTimeoutError } from "../errors.ts";
import type { SendOptions } from "./channel_layer.ts";
import { type AppendOptions, GivenUp } from "./outbox.ts";

/**
 * Sends as a caller wants it: for so long, unless it is aborted, and waiting for room or not.
 *
 * @param channel Where it goes, for messages for people.
 * @param options What the caller wants.
 * @param append Appends to the outbox.
 * @returns How many were taken, the first ones.
 * @throws {SendTimeoutError} When the time is over.
 * @throws {unknown} The signal's reason, when it is aborted.
 */
export async function withDeadline(
  channel: string,
  options: SendOptions,
  append: (options: AppendOptions) => Promise<number>,
): Promise<number> {
  const { signal, timeout, waitForCapacity: isPatient = false } = options;
  if (!signal && timeout === undefined) return await append({ isPatient });
  checkTimeout(timeout);
  signal?.throwIfAborted();
  const deadline = new AbortController();
  const timer = timeout === undefined ? undefined : setTimeout(() => deadline.abort(), timeout);
  const signals = [...signal ? [signal] : [], ...timer === undefined ? [] : [deadline.signal]];
  try {
    return await append({
      isPatient,
      signal: signals.length ? AbortSignal.any(signals) : undefined,
    });
  } catch (error) {
    if (!(error instanceof GivenUp)) throw error;
    if (signal?.aborted) throw signal.reason;
    throw new SendTimeoutError(channel, timeout ?? 0, error.accepted, error.mayBeDone);
  } finally {
    clearTimeout(timer);
  }
}

function checkTimeout(timeout: number | undefined): void {
  if (timeout === undefined || timeout >= 0 && timeout <= 0x7fff_ffff) return;
  throw new RangeError(`timeout must be a number of milliseconds from 0: ${timeout}`);
}
