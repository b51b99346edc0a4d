/**
 * Classes that turn events into method calls.
 *
 * ```ts
 * import { AsyncConsumer } from "@asgi/channels/consumers";
 *
 * export class LetterConsumer extends AsyncConsumer {
 *   async letter_sent(event: { type: string; text: string }) {
 *     await Promise.resolve();
 *     console.log(event.text);
 *   }
 * }
 * // `runworker` runs it.
 * export const application = LetterConsumer.asAsgi();
 * ```
 *
 * @module
 */
export { AsyncConsumer } from "./async_consumer.ts";
export { BaseConsumer } from "./base_consumer.ts";
export { AsyncEventSourceConsumer, type ServerSentEvent } from "./connections/event_source.ts";
export {
  AsyncHttpConsumer,
  type SendBodyOptions,
  type SendHeadersOptions,
} from "./connections/http.ts";
export { AsyncJsonWebsocketConsumer } from "./connections/json_websocket.ts";
export type { ResponseHeaders } from "./connections/response.ts";
export { type AcceptOptions, AsyncWebsocketConsumer } from "./connections/websocket.ts";
export type { SyncChannelLayer, SyncSendOptions } from "./sync/channel_layer.ts";
export { SyncConsumer } from "./sync_consumer.ts";
export type { ThreadOptions } from "./sync/pool.ts";
export { StopConsumer } from "./stop_consumer.ts";
