/** How large a disk that can be filled is: what is sent in a flood fits. */
const SIZE = "64m";

/** A folder that is a small disk of its own, where that can be mounted. */
export interface SmallDisk extends Disposable {
  readonly path: string;
  /** Whether it is: else it is an ordinary folder. */
  readonly isSmall: boolean;
}

/** Makes a folder, and mounts a small disk there. */
export function smallDisk(path: string): SmallDisk {
  Deno.mkdirSync(path);
  const isSmall = succeeds("mount", "-t", "tmpfs", "-o", `size=${SIZE}`, "tmpfs", path);
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
