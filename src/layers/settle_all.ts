import { LayerConfigurationError } from "../errors.ts";
import { asMayBeDone, outcomeUnknown } from "./sending/outcome.ts";

/**
 * Waits for all of several calls that are one to the caller.
 *
 * @throws The error of one that failed; its `outcomeUnknown` says whether any of them may have succeeded.
 */
export async function settleAll(calls: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(calls);
  const failures = results.flatMap((result) => result.status === "rejected" ? [result.reason] : []);
  if (failures.length === 0) return;
  // One that only a person can solve says more than one that passes by itself.
  const worst: unknown = failures.find((error) => error instanceof LayerConfigurationError) ??
    failures.find(outcomeUnknown) ?? failures[0];
  const isPartlyDone = failures.length < calls.length || failures.some(outcomeUnknown);
  throw isPartlyDone ? asMayBeDone(worst) : worst;
}
