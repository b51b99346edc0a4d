/**
 * Utilities for testing applications: a communicator runs an application in place of a server.
 *
 * ```ts
 * import { AsyncConsumer } from "@asgi/channels";
 * import { ApplicationCommunicator } from "@asgi/channels/testing";
 *
 * class EchoConsumer extends AsyncConsumer {
 *   async letter_sent(event: { type: string; text: string }) {
 *     await this.send({ type: "letter.echoed", text: event.text });
 *   }
 * }
 *
 * const scope = { type: "channel", channel: "letters" } as const;
 * await using communicator = new ApplicationCommunicator(EchoConsumer.asAsgi(), scope);
 * await communicator.sendInput({ type: "letter.sent", text: "Hello" });
 * console.log(await communicator.receiveOutput());
 * ```
 *
 * @module
 */
export { ApplicationCommunicator, type CommunicatorWaitOptions } from "./communicator.ts";
export { type ConnectionCommunicatorOptions, TestResponse } from "./connection.ts";
export { HttpCommunicator, type HttpCommunicatorOptions } from "./http_communicator.ts";
export {
  type CloseResult,
  type HandshakeResult,
  WebsocketCommunicator,
  type WebsocketCommunicatorOptions,
} from "./websocket_communicator.ts";
