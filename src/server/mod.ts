/**
 * A protocol server for HTTP and WebSockets: turns requests into the scopes and messages of ASGI, and calls
 * an application with them.
 *
 * ```ts
 * import type { HttpScope, Send } from "@asgi/channels/protocol";
 * import { toFetchHandler } from "@asgi/channels/server";
 *
 * async function hello(scope: HttpScope, _receive: unknown, send: Send): Promise<void> {
 *   await send({ type: "http.response.start", status: 200 });
 *   await send({ type: "http.response.body", body: new TextEncoder().encode(scope.path) });
 * }
 *
 * await using handler = toFetchHandler(hello);
 * console.log(await (await handler(new Request("http://localhost/hello"))).text()); // "/hello"
 * ```
 *
 * @module
 */
export { type FetchHandler, toFetchHandler, type WebScope } from "./fetch_handler.ts";
export type { FetchFunction } from "../protocol/internal.ts";
export { fromFetchHandler } from "./from_fetch_handler.ts";
export type { Access, ServerLogEntry, ServerOptions } from "./options.ts";
export type { ServeInfo } from "./scope.ts";
export { serve, type ServeOptions } from "./serve.ts";
