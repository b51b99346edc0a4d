/**
 * What the command line needs of a worker besides its public options. The package does not export it.
 *
 * @module
 */
export { Counter } from "./counts.ts";
export type { CountedWorkerOptions } from "./worker.ts";
