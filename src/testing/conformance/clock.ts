/** Waits until the system's clock shows a later time than this, in milliseconds since 1970. */
export async function untilClockPasses(time: number): Promise<void> {
  while (Date.now() <= time) {
    await new Promise((resolve) => setTimeout(resolve, Math.max(1, time - Date.now())));
  }
}

/** Lets what the event loop has ready run once. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** What a promise resolves to, unless it takes too long: then an error that says what did. */
export async function within<T>(milliseconds: number, what: string, work: Promise<T>): Promise<T> {
  const { promise: timeout, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Error(`Not done within ${milliseconds} ms: ${what}`)),
    milliseconds,
  );
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
