import { NoRouteError } from "../errors/mod.ts";
import { type FetchFunction, withHooks } from "../protocol/internal.ts";
import type { Application, HttpScope, Incoming, Outgoing, Receive, Send } from "../protocol/mod.ts";

/**
 * Creates an application for HTTP requests from a function that answers them. So a whole site can be one
 * `ProtocolTypeRouter`, and another framework answers its HTTP requests.
 *
 * If it is the whole application, or the one for `http` of a `ProtocolTypeRouter`, the server calls the
 * function directly, with the request as the runtime has created it.
 *
 * @param fetch The function, such as `hono.fetch`.
 * @returns The application.
 *
 * @example Usage
 * ```ts
 * import { ProtocolTypeRouter } from "@asgi/channels/routing";
 * import { fromFetchHandler } from "@asgi/channels/server";
 *
 * export const application = ProtocolTypeRouter({
 *   http: fromFetchHandler((request) => new Response(`You asked for ${request.url}`)),
 * });
 * ```
 */
export function fromFetchHandler(fetch: FetchFunction): Application<HttpScope> {
  const application: Application<HttpScope> = async (scope, receive, send) => {
    const { type } = scope;
    if (type !== "http") throw new NoRouteError({ what: "type", requested: type, known: ["http"] });
    await sendResponse(await fetch(requestOf(scope, receive), infoOf(scope)), send);
  };
  return withHooks(application, { fetch });
}

/** Returns the request that a scope describes. */
function requestOf(scope: HttpScope, receive: Receive<Incoming<HttpScope>>): Request {
  const { method, headers, query_string } = scope;
  const hasBody = method !== "GET" && method !== "HEAD";
  const path = scope.raw_path ?? encodeURI(scope.path);
  const url = `${scope.scheme}://${hostOf(scope)}${path}${query_string && `?${query_string}`}`;
  return new Request(url, {
    method,
    headers: headers.map(([name, value]) => [name, value]),
    ...hasBody && { body: bodyOf(receive) },
  });
}

function hostOf({ headers, server }: HttpScope): string {
  const named = headers.find(([name]) => name === "host")?.[1];
  if (named !== undefined) return named;
  const [host, port] = server ?? ["localhost", null];
  return (host.includes(":") ? `[${host}]` : host) + (port === null ? "" : `:${port}`);
}

/** Returns the body of a request, which is received as it is read. */
function bodyOf(receive: Receive<Incoming<HttpScope>>): ReadableStream<Uint8Array> {
  return ReadableStream.from(partsOf(receive));
}

async function* partsOf(receive: Receive<Incoming<HttpScope>>): AsyncGenerator<Uint8Array> {
  for (let more = true; more;) {
    const event = await receive();
    if (event.type === "http.disconnect") throw new Error("The client has disconnected");
    if (event.body.length > 0) yield event.body;
    more = event.more_body;
  }
}

function infoOf({ client }: HttpScope): Deno.ServeHandlerInfo {
  const [hostname, port] = client ?? ["", 0];
  const remoteAddr: Deno.NetAddr = { transport: "tcp", hostname, port: port ?? 0 };
  return { remoteAddr, completed: Promise.resolve() };
}

async function sendResponse(
  { status, headers, body }: Response,
  send: Send<Outgoing<HttpScope>>,
): Promise<void> {
  await send({ type: "http.response.start", status, headers: [...headers] });
  // If the client disconnects, send() rejects, and the loop cancels the body.
  for await (const part of body ?? []) {
    await send({ type: "http.response.body", body: part, more_body: true });
  }
  await send({ type: "http.response.body" });
}
