/**
 * The protocol server that turns a layer's channels into scopes; `runworker` runs it.
 *
 * ```ts
 * import { MemoryChannelLayer } from "@asgi/channels/layers/memory";
 * import { Worker } from "@asgi/channels/worker";
 *
 * await using layer = new MemoryChannelLayer();
 * const application = async () => {};
 * const worker = new Worker({ layer, application, channels: ["letters"], burst: true });
 * await worker.run();
 * ```
 *
 * @module
 */
export type { DropCounts, DropReason, WorkerCounts } from "./counts.ts";
export type { FailedEvent, LogEntry } from "./log.ts";
export { Worker, type WorkerOptions } from "./worker.ts";
