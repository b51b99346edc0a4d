import { createRequire } from "node:module";

/** Required, not imported: `deno check` doesn't know this package, which is no dependency of ours. */
export const { Queue, Worker } = createRequire(import.meta.url)("bullmq");
