/** What applications of HTTP requests, WebSockets and lifespans receive, and may send. */
import {
  type Application,
  type HttpScope,
  type LifespanScope,
  ProtocolTypeRouter,
  type Scope,
  serve,
  toFetchHandler,
  type WebSocketScope,
} from "@asgi/channels";

const bytes = new Uint8Array();

export const http: Application<HttpScope> = async (scope, receive, send) => {
  const event = await receive();
  if (event.type === "http.request") console.log(event.body.length, event.more_body);
  // @ts-expect-error A request has no text.
  console.log(event.text);
  // @ts-expect-error No event has that type.
  if (event.type === "http.reqest") return;
  new Headers([...scope.headers].map(([name, value]) => [name, value]));
  await send({ type: "http.response.start", status: 200, headers: [["x-room", "1"]] });
  await send({ type: "http.response.body", body: bytes, more_body: true });
  await send({ type: "http.response.pathsend", path: "/tmp/picture.png" });
  // @ts-expect-error The status is missing.
  await send({ type: "http.response.start" });
  // @ts-expect-error The type is misspelled.
  await send({ type: "http.response.boddy", body: bytes });
  // @ts-expect-error A body is bytes.
  await send({ type: "http.response.body", body: "text" });
  // @ts-expect-error Only a WebSocket can be accepted.
  await send({ type: "websocket.accept" });
  // @ts-expect-error Only a channel scope has a channel.
  console.log(scope.channel);
};

export const webSocket: Application<WebSocketScope> = async (scope, receive, send) => {
  for (;;) {
    const event = await receive();
    switch (event.type) {
      case "websocket.connect":
        await send({ type: "websocket.accept", subprotocol: scope.subprotocols[0] ?? null });
        break;
      case "websocket.receive":
        await send(
          typeof event.text === "string"
            ? { type: "websocket.send", text: event.text }
            : { type: "websocket.send", bytes: event.bytes },
        );
        break;
      case "websocket.disconnect":
        return console.log(event.code, event.reason);
      default:
        event satisfies never;
    }
    await send({ type: "websocket.close", code: 4000, reason: "Done" });
    await send({ type: "websocket.http.response.start", status: 401 });
    await send({ type: "websocket.http.response.body", body: bytes });
    // @ts-expect-error Either text or bytes.
    await send({ type: "websocket.send" });
    // @ts-expect-error Not both.
    await send({ type: "websocket.send", text: "", bytes });
    // @ts-expect-error A code is a number.
    await send({ type: "websocket.close", code: "4000" });
    // @ts-expect-error A WebSocket has no method.
    console.log(scope.method);
  }
};

export const lifespan: Application<LifespanScope> = async (scope, receive, send) => {
  const event = await receive();
  if (event.type === "lifespan.startup") scope.state.started = true;
  await send({ type: "lifespan.startup.complete" });
  await send({ type: "lifespan.startup.failed", message: "No database" });
  // @ts-expect-error No message has that type.
  await send({ type: "lifespan.complete" });
};

/** An application of every protocol receives and sends any message. */
export const every: Application = async (scope, receive, send) => {
  const event = await receive();
  console.log(scope.type, event.type, event.whatever);
  await send({ type: "whatever" });
};

export const site = ProtocolTypeRouter({ http, websocket: webSocket, lifespan });
ProtocolTypeRouter({ http: every, websocket: every, channel: every, lifespan: every });
// @ts-expect-error An application of WebSockets can't take an HTTP request.
ProtocolTypeRouter({ http: webSocket });
ProtocolTypeRouter({
  websocket: async (scope, receive) => {
    const event = await receive();
    scope satisfies WebSocketScope;
    if (event.type === "websocket.disconnect") console.log(event.code);
  },
});

export function served(): void {
  toFetchHandler(site);
  toFetchHandler(every);
  toFetchHandler(http);
  toFetchHandler(webSocket);
  toFetchHandler(async (scope, _receive, send) => {
    console.log(scope.path);
    await send({ type: "http.response.start", status: 204 });
  });
  serve(http, { port: 0 });
  // @ts-expect-error An application of a lifespan serves nothing.
  toFetchHandler(lifespan);
}

export function narrowed(scope: Scope): string {
  if (scope.type === "channel") return scope.channel;
  if (scope.type === "http") return scope.method + scope.path;
  if (scope.type === "websocket") return scope.subprotocols.join() + scope.params.room;
  return Object.keys(scope.state).join();
}
