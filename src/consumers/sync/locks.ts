/** The part of the Web Locks that is used here; TypeScript's library for Deno doesn't have them yet. */
interface Locks {
  request(name: string, whenHeld: () => unknown): Promise<unknown>;
}

/** Holds a lock as long as this thread lives. */
export function holdForLife(name: string): void {
  locks()?.request(name, () => new Promise(() => {}));
}

/** Calls back when nobody holds the lock any more. */
export function whenFree(name: string, callback: () => void): void {
  locks()?.request(name, callback);
}

function locks(): Locks | undefined {
  return (navigator as { readonly locks?: Locks }).locks;
}
