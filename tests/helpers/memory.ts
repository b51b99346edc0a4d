/**
 * Returns the memory in use by the test's own isolate, in bytes. The resident memory of the process
 * would include the test files that run beside it.
 */
export function memoryInUse(): number {
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}
