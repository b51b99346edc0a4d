/**
 * Bounds the waiting for something that should happen: a test that waits in vain fails.
 *
 * @param promise What is waited for.
 * @param what What it is, for the message.
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
