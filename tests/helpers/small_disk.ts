/** A folder that is a disk of its own, where one can be mounted. */
export interface SmallDisk extends Disposable {
  readonly path: string;
  /** Whether it is a disk: otherwise, it is an ordinary folder. */
  readonly isSmall: boolean;
}

/** Creates a folder, and mounts a disk of some megabytes on it. */
export function smallDisk(path: string, megabytes: number): SmallDisk {
  Deno.mkdirSync(path);
  const options = ["-t", "tmpfs", "-o", `size=${megabytes}m`];
  const isSmall = succeeds("mount", ...options, "tmpfs", path);
  return {
    path,
    isSmall,
    [Symbol.dispose]() {
      if (isSmall) succeeds("umount", path);
    },
  };
}

function succeeds(program: string, ...args: readonly string[]): boolean {
  try {
    return new Deno.Command(program, { args: [...args] }).outputSync().success;
  } catch {
    return false;
  }
}
