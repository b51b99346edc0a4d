/** The time, in milliseconds since 1970 with fractions: the same in all processes of a machine. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

/** Waits, in milliseconds. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
