import { LayerConfigurationError } from "../errors/mod.ts";
import { outcomeUnknown, withUnknownOutcome } from "./sending/outcome.ts";

/**
 * Waits for several operations that are one to the caller.
 *
 * @throws The error of one that failed. Its `outcomeUnknown` says whether any of them may have been
 * carried out.
 */
export async function settleAll(operations: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(operations);
  const failures = results.flatMap((result) => result.status === "rejected" ? [result.reason] : []);
  if (failures.length === 0) return;
  // An error that needs human intervention matters more than a temporary one.
  const worst: unknown = failures.find((error) => error instanceof LayerConfigurationError) ??
    failures.find(outcomeUnknown) ?? failures[0];
  const isPartial = failures.length < operations.length || failures.some(outcomeUnknown);
  throw isPartial ? withUnknownOutcome(worst) : worst;
}
