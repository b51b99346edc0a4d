import { assertEquals, assertRejects } from "@std/assert";

/**
 * Waits for a promise, and fails after a deadline.
 *
 * @param promise The promise.
 * @param what What it stands for, for the error message.
 * @param deadline How long to wait, in milliseconds.
 */
export async function within<T>(promise: Promise<T>, what: string, deadline = 8_000): Promise<T> {
  const late = Promise.withResolvers<never>();
  const error = new Error(`Waited in vain for ${what}`);
  const timer = setTimeout(() => late.reject(error), deadline);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asserts that a call rejects with a TimeoutError, and returns it. */
export async function assertTimesOut(call: () => Promise<unknown>): Promise<DOMException> {
  const error = await assertRejects(call, DOMException);
  assertEquals(error.name, "TimeoutError");
  return error;
}

/**
 * Polls until a condition holds, and fails after a deadline. A condition that throws doesn't hold.
 *
 * @param what The condition in words, for the error message.
 * @param holds Checks the condition.
 * @param deadline How long to wait, in milliseconds.
 */
export async function until(
  what: string,
  holds: () => Promise<boolean> | boolean,
  deadline = 30_000,
): Promise<void> {
  const end = performance.now() + deadline;
  for (;;) {
    let failure: unknown;
    try {
      if (await holds()) return;
    } catch (error) {
      failure = error;
    }
    if (performance.now() > end) throw new Error(`Waited in vain: ${what}`, { cause: failure });
    await pause(5);
  }
}

/** Waits for a duration, in milliseconds: for simulated work, and faults that last a while. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
