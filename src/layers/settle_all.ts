import { isUndone, LayerUnavailableError } from "../errors.ts";

/**
 * Waits for all of some calls that are one to the caller.
 *
 * @throws {LayerUnavailableError} When one failed; if another one didn't, as one that may be done.
 */
export async function settleAll(calls: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(calls);
  const failures = results.flatMap((result) => result.status === "rejected" ? [result.reason] : []);
  if (failures.length === 0) return;
  const worst: unknown = failures.find((error) => !isUndone(error)) ?? failures[0];
  if (failures.length === calls.length || !isUndone(worst)) throw worst;
  const { layer, reason, cause } = worst;
  throw new LayerUnavailableError(layer, reason, { cause, mayBeDone: true });
}
