/**
 * Background workers and channel layers for Deno, compatible with Django Channels.
 *
 * A program sends events to named channels and continues immediately. Workers, in other processes or
 * on other machines, receive the events and handle them. A channel layer carries the events: a SQLite
 * file by default, without a server, or Redis, in the wire format of Python's `channels_redis`. Each
 * event is delivered at most once.
 *
 * An application, `app.ts`, defines how events are handled:
 *
 * ```ts
 * import { AsyncConsumer, ChannelNameRouter, ProtocolTypeRouter } from "@asgi/channels";
 *
 * export class PrintConsumer extends AsyncConsumer {
 *   async test_print(event: { type: string; text: string }) {
 *     await Promise.resolve(); // slow work goes here
 *     console.log("Test: " + event.text);
 *   }
 * }
 *
 * export const application = ProtocolTypeRouter({
 *   channel: ChannelNameRouter({ print: PrintConsumer.asAsgi() }),
 * });
 * ```
 *
 * A worker runs it for the channels that the command line names:
 *
 * ```sh
 * deno run -A jsr:@asgi/channels/cli runworker print
 * ```
 *
 * Any program that is started in the same directory can send it events:
 *
 * ```ts
 * import { getChannelLayer } from "@asgi/channels";
 *
 * export async function print(text: string): Promise<void> {
 *   await getChannelLayer().send("print", { type: "test.print", text });
 * }
 * ```
 *
 * In one process, for a test or a first try, the layer can be in memory:
 *
 * ```ts
 * import { MemoryChannelLayer, Worker } from "@asgi/channels";
 *
 * await using layer = new MemoryChannelLayer();
 * await layer.send("print", { type: "test.print", text: "Hello" });
 * const worker = new Worker({
 *   layer,
 *   channels: ["print"],
 *   burst: true, // Stop when the channel is empty.
 *   application: async (_scope, receive) => {
 *     for (;;) console.log("Test: " + (await receive()).text);
 *   },
 * });
 * await worker.run();
 * ```
 *
 * All durations are in milliseconds.
 *
 * @module
 */
export {
  type AcceptOptions,
  AsyncConsumer,
  AsyncEventSourceConsumer,
  AsyncHttpConsumer,
  AsyncJsonWebsocketConsumer,
  AsyncWebsocketConsumer,
  type ResponseHeaders,
  type SendBodyOptions,
  type SendHeadersOptions,
  type ServerSentEvent,
  StopConsumer,
  type SyncChannelLayer,
  SyncConsumer,
  type SyncSendOptions,
  type ThreadOptions,
} from "./src/consumers/mod.ts";
export {
  ChannelFullError,
  ChannelsError,
  ConnectionClosedError,
  ConsumerConfigurationError,
  InvalidEventError,
  LayerClosedError,
  LayerConfigurationError,
  LayerUnavailableError,
  LifespanError,
  MessageTooLargeError,
  NoHandlerError,
  NoRouteError,
  SendTimeoutError,
  ShutdownTimeoutError,
  ThreadError,
  UndecodableMessageError,
} from "./src/errors/mod.ts";
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
  type SubscribeOptions,
  type Subscription,
} from "./src/layers/mod.ts";
export {
  type AnyChannels,
  type AnyMessage,
  type Application,
  type ChannelScope,
  type ChannelsOf,
  type DeclaredChannels,
  type EventsOf,
  type HttpScope,
  type LifespanScope,
  type LocalChannel,
  type Message,
  type Receive,
  type Scope,
  type Send,
  type StandardSchema,
  type WebSocketScope,
} from "./src/protocol/mod.ts";
export { ChannelNameRouter, ProtocolTypeRouter, URLRouter } from "./src/routing/mod.ts";
export {
  type FetchFunction,
  type FetchHandler,
  fromFetchHandler,
  serve,
  type ServeOptions,
  type ServerLogEntry,
  type ServerOptions,
  toFetchHandler,
} from "./src/server/mod.ts";
export {
  type DropCounts,
  type DroppedEvent,
  type DropReason,
  type FailedEvent,
  type LogEntry,
  Worker,
  type WorkerCounts,
  type WorkerOptions,
} from "./src/worker/mod.ts";
