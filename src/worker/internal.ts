/**
 * What the command line does with a worker beyond its public options.
 *
 * @module
 */
export { Counter } from "./counts.ts";
export type { CountedWorkerOptions } from "./worker.ts";
