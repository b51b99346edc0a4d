/**
 * Workers: protocol servers that receive the events of channels and run an application for them. The
 * command `runworker` runs one; this entry point is for programs that embed a worker.
 *
 * ```ts
 * import { MemoryChannelLayer } from "@asgi/channels/layers/memory";
 * import { Worker } from "@asgi/channels/worker";
 *
 * await using layer = new MemoryChannelLayer();
 * await layer.send("letters", { type: "letter.sent" });
 * const worker = new Worker({
 *   layer,
 *   channels: ["letters"],
 *   burst: true, // Stop when the channels are empty.
 *   application: async (scope, receive) => {
 *     for (;;) console.log(scope.channel, await receive());
 *   },
 * });
 * await worker.run();
 * ```
 *
 * @module
 */
export type { DropCounts, DropReason, WorkerCounts } from "./counts.ts";
export type { DroppedEvent, FailedEvent, LogEntry } from "./log.ts";
export { Worker, type WorkerOptions } from "./worker.ts";
