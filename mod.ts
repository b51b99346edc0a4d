/**
 * Django Channels' workers and channel layers for Deno.
 *
 * A program answers at once and sends slow work to a channel; a worker process handles it.
 *
 * ```ts
 * import {
 *   AsyncConsumer,
 *   ChannelNameRouter,
 *   getChannelLayer,
 *   ProtocolTypeRouter,
 * } from "@asgi/channels";
 *
 * export class PrintConsumer extends AsyncConsumer {
 *   async test_print(event: { type: string; text: string }) {
 *     await Promise.resolve();
 *     console.log("Test: " + event.text);
 *   }
 * }
 *
 * // `runworker print` runs it.
 * export const application = ProtocolTypeRouter({
 *   channel: ChannelNameRouter({ print: PrintConsumer.asAsgi() }),
 * });
 *
 * // Any other process triggers it with:
 * export async function printElsewhere(text: string): Promise<void> {
 *   await getChannelLayer().send("print", { type: "test.print", text });
 * }
 * ```
 *
 * @module
 */
export {
  AsyncConsumer,
  StopConsumer,
  type SyncChannelLayer,
  SyncConsumer,
  type SyncSendOptions,
  type ThreadOptions,
} from "./src/consumers/mod.ts";
export {
  ChannelFullError,
  ChannelsError,
  ConsumerConfigurationError,
  LayerClosedError,
  LayerConfigurationError,
  LayerUnavailableError,
  MessageTooLargeError,
  NoHandlerError,
  NoRouteError,
  SendTimeoutError,
  ShutdownTimeoutError,
  ThreadError,
  UndecodableMessageError,
} from "./src/errors.ts";
export {
  type ChannelCapacity,
  type ChannelInspection,
  type ChannelLayer,
  type ChannelLayerConfiguration,
  type ChannelLayerOptions,
  closeChannelLayers,
  configureChannelLayers,
  type Delivery,
  type Drop,
  getChannelLayer,
  type LayerInspection,
  MemoryChannelLayer,
  type ReceiveManyOptions,
  type ReceiveOptions,
  RedisChannelLayer,
  type RedisChannelLayerOptions,
  type SendOptions,
  SqliteChannelLayer,
  type SqliteChannelLayerOptions,
} from "./src/layers/mod.ts";
export {
  type Application,
  type ChannelScope,
  type Message,
  type Receive,
  type Scope,
  type Send,
} from "./src/protocol/mod.ts";
export { ChannelNameRouter, ProtocolTypeRouter } from "./src/routing/mod.ts";
export {
  type DropCounts,
  type DropReason,
  type FailedEvent,
  type LogEntry,
  Worker,
  type WorkerCounts,
  type WorkerOptions,
} from "./src/worker/mod.ts";
