import type { MutableWorkerCounts } from "../../worker/mod.ts";

const NAMES = ["received", "handled", "failed", "dropped"] as const;

/** Makes the memory for the counts of a thread. */
export function countsMemory(): Float64Array<SharedArrayBuffer> {
  return new Float64Array(new SharedArrayBuffer(NAMES.length * 8));
}

/** What a thread counts, and other threads see: nothing is forgotten when it dies. */
export function sharedCounts(memory: Float64Array<SharedArrayBuffer>): MutableWorkerCounts {
  const counts = { received: 0, handled: 0, failed: 0, dropped: 0 };
  for (const [at, name] of NAMES.entries()) {
    Object.defineProperty(counts, name, {
      get: () => memory[at],
      set: (value: number) => memory[at] = value,
    });
  }
  return counts;
}
