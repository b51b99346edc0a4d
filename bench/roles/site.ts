import {
  type Application,
  type ChannelLayer,
  fromFetchHandler,
  type HttpScope,
  ProtocolTypeRouter,
  serve,
  type WebSocketScope,
} from "@asgi/channels";
import type { SiteTask } from "../tasks.ts";
import { onEachLine, report } from "./terminal.ts";
import { collect } from "./work.ts";

/** What `GET /` responds with. */
export const GREETING = "Hello, world";

/** This library as a server, as its users write it. */
export async function serveSite(task: SiteTask, layer: ChannelLayer): Promise<void> {
  const member = memberOf(task.group, layer);
  const application = ProtocolTypeRouter({
    http: task.http === "fetch" ? fromFetchHandler(() => new Response(GREETING)) : greet,
    websocket: (scope: WebSocketScope, receive, send) =>
      (scope.path === "/echo" ? echo : member)(scope, receive, send),
  });
  const telling = onEachLine(() => report(collect()));
  const onListen = ({ port }: { readonly port: number }) => report({ port });
  await Promise.all([serve(application, { hostname: "127.0.0.1", port: 0, onListen }), telling]);
}

const greet: Application<HttpScope> = async (_scope, _receive, send) => {
  const headers = [["content-type", "text/plain; charset=utf-8"]] as const;
  await send({ type: "http.response.start", status: 200, headers });
  await send({ type: "http.response.body", body: new TextEncoder().encode(GREETING) });
};

const echo: Application<WebSocketScope> = async (_scope, receive, send) => {
  for (;;) {
    const event = await receive();
    if (event.type === "websocket.connect") await send({ type: "websocket.accept" });
    else if (event.type === "websocket.disconnect") return;
    else await send({ ...event, type: "websocket.send" });
  }
};

/** A WebSocket in a group, whose events it sends on. */
function memberOf(group: string, layer: ChannelLayer): Application<WebSocketScope> {
  return async (_scope, receive, send) => {
    const channel = layer.newChannel();
    await receive();
    await layer.groupAdd(group, channel);
    await send({ type: "websocket.accept" });
    for (;;) {
      const text = JSON.stringify(await layer.receive(channel));
      await send({ type: "websocket.send", text });
    }
  };
}
