import { type CallTarget, Slot } from "./slot.ts";
import type { ConsumerThreadOptions } from "./thread.ts";

/** Options for a {@linkcode ThreadPool}; consumers with the same options share it. */
export interface PoolOptions extends ConsumerThreadOptions {
  /** How many threads it may have. */
  readonly max: number;
}

/** The right to use a pool: its threads are terminated after the last lease is disposed of. */
export interface PoolLease extends AsyncDisposable {
  readonly pool: ThreadPool;
}

const pools = new Map<string, ThreadPool>();

/** The threads for the consumers of a module, started when they are needed. */
export class ThreadPool {
  readonly #options: PoolOptions;
  readonly #slots: Slot[] = [];
  #leases = 0;

  private constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Leases the pool with these options. */
  static lease(options: PoolOptions): PoolLease {
    const { module, max, permissions, memoryLimit } = options;
    const key = JSON.stringify([module, max, permissions, memoryLimit]);
    const pool = pools.get(key) ?? new ThreadPool(options);
    pools.set(key, pool);
    pool.#leases++;
    let isHeld = true;
    return {
      pool,
      async [Symbol.asyncDispose]() {
        if (!isHeld) return;
        isHeld = false;
        if (--pool.#leases > 0) return;
        pools.delete(key);
        await Promise.all(pool.#slots.map((slot) => slot.close()));
      },
    };
  }

  /** Assigns the slot with the fewest instances; a new one as long as there may be more. */
  assign(): Slot {
    const [best] = this.#slots.toSorted((one, other) => one.load - other.load);
    if (best && (best.load === 0 || this.#slots.length >= this.#options.max)) return best;
    const slot = new Slot(this.#options);
    this.#slots.push(slot);
    return slot;
  }

  /** Attaches an instance to a slot until it is disposed of. */
  attach(target: CallTarget): Disposable & { readonly slot: Slot } {
    const slot = this.assign();
    slot.attach(target);
    return { slot, [Symbol.dispose]: () => slot.detach(target) };
  }
}

/** The settings of a consumer that runs on threads: its `static threads`. */
export interface ThreadOptions {
  /**
   * How many threads there are at most. Consumers of one module with the same `max`, `permissions`
   * and `memoryLimit` share them.
   *
   * @default {navigator.hardwareConcurrency}
   */
  readonly max?: number;
  /**
   * How long a handler may run, in milliseconds: then its thread is terminated, and the event fails
   * with a `ThreadError`.
   *
   * @default {undefined} No limit.
   */
  readonly timeLimit?: number;
  /**
   * How much memory the objects of a thread may take, in megabytes, without the contents of buffers: a
   * thread that exceeds it exits, and the event fails with a `ThreadError`. It cannot be combined with
   * `permissions`: Deno does not limit the memory of such threads.
   *
   * @default {1_024}
   */
  readonly memoryLimit?: number;
  /**
   * What the code on the threads may do, such as `"none"`. It requires Deno's flag
   * `--unstable-worker-options`: without it, Deno ends the program and names the flag.
   *
   * @default {"inherit"}
   */
  readonly permissions?: Deno.PermissionOptions;
}

/** The static settings of a consumer's class. */
export interface ThreadedClass {
  readonly name: string;
  readonly module: string;
  readonly threads: ThreadOptions;
}

const OPTIONS: readonly string[] = ["max", "timeLimit", "memoryLimit", "permissions"];

/**
 * Checks the settings of a class, and returns them with the defaults.
 *
 * @throws {TypeError} If `module` is missing or invalid, or `threads` has an unknown option or two
 * that cannot be combined.
 * @throws {RangeError} If a number is invalid.
 */
export function readSettings({ name, module, threads }: ThreadedClass): {
  readonly timeLimit: number | undefined;
  readonly pool: PoolOptions;
} {
  checkModule(name, module);
  checkNames(name, threads);
  const { max = navigator.hardwareConcurrency, timeLimit, permissions = "inherit" } = threads;
  const { memoryLimit = 1_024 } = threads;
  if (permissions !== "inherit" && threads.memoryLimit !== undefined) {
    throw new TypeError(
      `${name}.threads cannot have permissions and memoryLimit: ` +
        "Deno does not limit the memory of threads with permissions of their own",
    );
  }
  const check = (option: string, value: number, isValid: boolean, expected: string) => {
    if (isValid && value > 0) return;
    throw new RangeError(`${name}.threads.${option} must be ${expected}, got ${value}`);
  };
  check("max", max, Number.isSafeInteger(max), "a positive integer");
  check("memoryLimit", memoryLimit, Number.isSafeInteger(memoryLimit), "a positive integer");
  const limit = timeLimit ?? 1;
  check("timeLimit", limit, limit < 2 ** 31, "between 0 and 2147483648 milliseconds");
  return { timeLimit, pool: { module, max, permissions, memoryLimit } };
}

function checkModule(name: string, module: unknown): void {
  if (module === "") {
    throw new TypeError(`${name} needs "static override module = import.meta.url"`);
  }
  if (typeof module === "string" && URL.canParse(module)) return;
  throw new TypeError(`${name}.module must be a URL, such as import.meta.url, got ${module}`);
}

/** The compiler does not notice a misspelled option of a static property without a type. */
function checkNames(name: string, threads: object): void {
  const unknown = Object.keys(threads).find((option) => !OPTIONS.includes(option));
  if (unknown === undefined) return;
  throw new TypeError(
    `${name}.threads has no option ${JSON.stringify(unknown)}: known are ${OPTIONS.join(", ")}`,
  );
}
