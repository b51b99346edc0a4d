/**
 * What the command line needs of a server besides its public options. The package does not export it.
 *
 * @module
 */
export type { ObservedServeOptions } from "./serve.ts";
