/** Below the ports that the system gives to those who connect, and so that 10,000 more is one, too. */
const LOWEST = 10_100;
const HIGHEST = 22_000;

/** A TCP port of 127.0.0.1 on which nothing listens, nor on the one of a cluster's bus beside it. */
export function freePort(): number {
  for (;;) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    if (isFree(port) && isFree(port + 10_000)) return port;
  }
}

function isFree(port: number): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return true;
  } catch {
    return false;
  }
}
