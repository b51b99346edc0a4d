import type { EngineOptions } from "./engine.ts";
import { type Callee, Lane } from "./lane.ts";

/** What makes a pool; consumers that ask for the same share it. */
export interface PoolOptions extends EngineOptions {
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
  readonly #lanes: Lane[] = [];
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
  get freest(): Lane {
    const [best] = this.#lanes.toSorted((one, other) => one.load - other.load);
    if (best && (best.load === 0 || this.#lanes.length >= this.#options.threads)) return best;
    const lane = new Lane(this.#options);
    this.#lanes.push(lane);
    return lane;
  }

  /** Gives a consumer a lane for its life. */
  seat(callee: Callee): { readonly lane: Lane } & Disposable {
    const lane = this.freest;
    lane.join(callee);
    return { lane, [Symbol.dispose]: () => lane.leave(callee) };
  }
}
