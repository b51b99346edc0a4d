/** A folder that is removed when it is disposed of. */
export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string;
}

/** Creates an empty folder. */
export async function temporaryFolder(): Promise<TemporaryFolder> {
  const path = await Deno.makeTempDir({ prefix: "asgi-channels-" });
  return {
    path,
    // A test may have removed it.
    [Symbol.asyncDispose]: () => removeIfPresent(path),
  };
}

/** Removes a file or a folder. A layer that finds one file of a database missing removes the others. */
export async function removeIfPresent(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
