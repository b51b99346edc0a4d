/** Runs a function while the clock of this process is off by some milliseconds. */
export async function withClockAt<T>(offset: number, work: () => Promise<T>): Promise<T> {
  const { now } = Date;
  Date.now = () => now() + offset;
  try {
    return await work();
  } finally {
    Date.now = now;
  }
}
