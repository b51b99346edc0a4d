import { makeClient } from "../redis_server.ts";
import type { GroupSendTask, SiteTask } from "../tasks.ts";
import { now } from "./clock.ts";
import { countedEvent } from "./events.ts";
import { GREETING } from "./site.ts";
import { onEachLine, report } from "./terminal.ts";
import { collect } from "./work.ts";

/** The least that a server has to do: `Deno.serve()`, and one loop of Pub/Sub for all WebSockets. */
export async function serveBareSite({ url, group }: SiteTask): Promise<void> {
  const members = new Set<WebSocket>();
  const subscriber = await connect(url);
  await subscriber.subscribe(group, (text) => {
    for (const socket of members) socket.send(text);
  });
  const onListen = ({ port }: { readonly port: number }) => report({ port });
  const answer = (request: Request) =>
    request.headers.has("upgrade") ? upgrade(request, members) : new Response(GREETING);
  Deno.serve({ hostname: "127.0.0.1", port: 0, onListen }, answer);
  await onEachLine(() => report(collect()));
}

/** Publishes to the group each time it is told to. */
export async function publish({ url, group }: GroupSendTask): Promise<void> {
  const client = await connect(url);
  report({});
  await onEachLine(async () => {
    const at = now();
    await client.publish(group, JSON.stringify(countedEvent(0)));
    report({ at });
  });
}

function upgrade(request: Request, members: Set<WebSocket>): Response {
  const { socket, response } = Deno.upgradeWebSocket(request);
  if (request.url.endsWith("/echo")) socket.onmessage = ({ data }) => socket.send(data);
  else socket.onopen = () => members.add(socket);
  socket.onclose = () => members.delete(socket);
  return response;
}

async function connect(url: string) {
  return await makeClient(url.slice("unix://".length)).connect();
}
