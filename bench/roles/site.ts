import {
  type Application,
  AsyncWebsocketConsumer,
  fromFetchHandler,
  type HttpScope,
  ProtocolTypeRouter,
  serve,
  URLRouter,
} from "@asgi/channels";
import type { SiteTask } from "../tasks.ts";
import { onEachLine, report } from "./terminal.ts";
import { collect } from "./work.ts";

/** What `GET /` responds with. */
export const GREETING = "Hello, world";

/**
 * This library as a server, as its users write it.
 *
 * @param alias The name of the layer.
 */
export async function serveSite({ http, group }: SiteTask, alias: string): Promise<void> {
  const application = ProtocolTypeRouter({
    http: http === "fetch" ? fromFetchHandler(() => new Response(GREETING)) : greet,
    websocket: URLRouter({ "/echo": EchoConsumer.asAsgi(), "/group": memberOf(group, alias) }),
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

class EchoConsumer extends AsyncWebsocketConsumer {
  override async receive(data: string | Uint8Array) {
    await this.send(data);
  }
}

/** A WebSocket in a group, whose events it sends on. */
function memberOf(group: string, alias: string) {
  class MemberConsumer extends AsyncWebsocketConsumer {
    static override readonly groups = [group];
    static override readonly channelLayerAlias = alias;

    async bench_count(event: { readonly type: "bench.count"; readonly id: number }) {
      await this.send(JSON.stringify(event));
    }
  }
  return MemberConsumer.asAsgi();
}
