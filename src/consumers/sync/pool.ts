import type { RuntimeOptions } from "./runtime.ts";
import { type CallTarget, Slot } from "./slot.ts";

/** What makes a pool; consumers that ask for the same share it. */
export interface PoolOptions extends RuntimeOptions {
  /** How many threads it has at most. */
  readonly threads: number;
}

/** The right to use a pool: as long as anybody has it, the threads live. */
export interface PoolLease extends AsyncDisposable {
  readonly pool: ThreadPool;
}

const pools = new Map<string, ThreadPool>();

/** Threads for the consumers of a module, started when they are needed. */
export class ThreadPool {
  readonly #options: PoolOptions;
  readonly #lanes: Slot[] = [];
  #users = 0;

  private constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Gives the pool of these options; the last one to let go of it waits until its threads have gone. */
  static lease(options: PoolOptions): PoolLease {
    const { module, threads, permissions, memoryLimit } = options;
    const key = JSON.stringify([module, threads, permissions, memoryLimit]);
    const pool = pools.get(key) ?? new ThreadPool(options);
    pools.set(key, pool);
    pool.#users++;
    let isHeld = true;
    return {
      pool,
      async [Symbol.asyncDispose]() {
        if (!isHeld) return;
        isHeld = false;
        if (--pool.#users > 0) return;
        pools.delete(key);
        await Promise.all(pool.#lanes.map((lane) => lane.close()));
      },
    };
  }

  /** The lane with the least to do; a new one, as long as there may be more. */
  get freest(): Slot {
    const [best] = this.#lanes.toSorted((one, other) => one.load - other.load);
    if (best && (best.load === 0 || this.#lanes.length >= this.#options.threads)) return best;
    const lane = new Slot(this.#options);
    this.#lanes.push(lane);
    return lane;
  }

  /** Gives a consumer a lane for its life. */
  seat(callee: CallTarget): { readonly lane: Slot } & Disposable {
    const lane = this.freest;
    lane.join(callee);
    return { lane, [Symbol.dispose]: () => lane.leave(callee) };
  }
}

/** How much memory the objects of a thread may take when nothing else is said, in megabytes. */
const MEMORY_LIMIT = 1_024;

/** How consumers are run on threads. */
export interface ThreadOptions {
  /** The module that exports the class: `import.meta.url`, where the class is. */
  readonly module: string;
  /**
   * How many threads there are at most. Consumers of one module that ask for the same threads,
   * permissions and memory share them.
   *
   * @default {navigator.hardwareConcurrency}
   */
  readonly threads?: number;
  /**
   * How long a handler may take, in milliseconds: then its thread is ended, and the event fails
   * with a `ThreadError`. No limit by default.
   */
  readonly timeLimit?: number;
  /**
   * What the code on the threads may do, such as `"none"`. It needs `--unstable-worker-options`:
   * without that flag Deno ends the program, and says so.
   *
   * @default {"inherit"}
   */
  readonly permissions?: Deno.PermissionOptions;
  /**
   * How much memory the objects of a thread may take, in megabytes, the contents of buffers left
   * aside: one that takes more dies. Deno has no such limit for threads with other `permissions`
   * than the program's.
   *
   * @default {1_024}
   */
  readonly memoryLimit?: number;
}

/**
 * Checks options, and fills in what isn't said.
 *
 * @throws {TypeError} When `module` is no URL, or two options exclude each other.
 * @throws {RangeError} When a number makes no sense.
 */
export function readThreadOptions(options: ThreadOptions): {
  readonly timeLimit: number | undefined;
  readonly pool: PoolOptions;
} {
  const { module, timeLimit, permissions = "inherit", memoryLimit = MEMORY_LIMIT } = options;
  const { threads = navigator.hardwareConcurrency } = options;
  if (!URL.canParse(module)) {
    throw new TypeError(`module must be a URL, such as import.meta.url: ${module}`);
  }
  if (permissions !== "inherit" && options.memoryLimit !== undefined) {
    throw new TypeError("Deno can't limit the memory of threads with permissions of their own");
  }
  checkNumber("threads", threads, Number.isSafeInteger(threads));
  checkNumber("memoryLimit", memoryLimit, Number.isSafeInteger(memoryLimit));
  if (timeLimit !== undefined) checkNumber("timeLimit", timeLimit, timeLimit < 2 ** 31);
  return { timeLimit, pool: { module, threads, permissions, memoryLimit } };
}

function checkNumber(name: string, value: number, isFit: boolean): void {
  if (!(isFit && value > 0)) throw new RangeError(`${name} makes no sense: ${value}`);
}
