import { Child } from "./child.ts";
import type { Plan } from "./plan.ts";
import type { RedisServer } from "./redis_server.ts";
import type { Results } from "./results.ts";
import type { System, SystemName } from "./systems/mod.ts";
import type { Order } from "./tasks.ts";

/** What a measure has at hand. */
export interface Bench {
  readonly systems: readonly System[];
  readonly redis: RedisServer;
  readonly plan: Plan;
  readonly results: Results;
}

/** Something that the bench can be asked to measure. */
export interface Measure {
  readonly name: string;
  /** What exactly is measured; it is printed. */
  readonly definition: string;
  run(bench: Bench): Promise<void>;
}

/** The systems of these names that there are, in the order of the names. */
export function systemsOf({ systems }: Bench, names: readonly SystemName[]): System[] {
  return names.flatMap((name) => systems.filter((system) => system.name === name));
}

/**
 * Measures the systems in turn, A B A B ..., so that what disturbs the machine for a while disturbs
 * all of them. A system that fails is noted, and left out from then on.
 */
export async function inTurn(
  bench: Bench,
  names: readonly SystemName[],
  rounds: number,
  measure: (system: System) => Promise<void>,
): Promise<void> {
  const failed = new Set<System>();
  for (let round = 0; round < rounds; round++) {
    for (const system of systemsOf(bench, names)) {
      if (failed.has(system)) continue;
      try {
        await system.reset();
        await measure(system);
      } catch (error) {
        failed.add(system);
        const { title, isPeer } = system;
        bench.results.failures.push({ system: title, isPeer, reason: String(error) });
        console.log(`${title} failed: ${error}`);
      }
    }
  }
}

/** Starts a process that plays a role. */
export function start(system: System, order: Order): Child {
  return new Child(system.program(order));
}

/** Runs a process that plays a role to its only report. */
export async function play<Report>(system: System, order: Order): Promise<Report> {
  await using child = start(system, order);
  return await child.report<Report>();
}
