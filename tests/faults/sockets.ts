import {
  AsyncJsonWebsocketConsumer,
  type ChannelLayer,
  closeChannelLayers,
  configureChannelLayers,
  ProtocolTypeRouter,
} from "@asgi/channels";
import { type Node, startNode } from "../helpers/redis.ts";
import { openSocket, startServer, type TestSocket } from "../helpers/server.ts";
import { range } from "../helpers/events.ts";
import { pause, until } from "../helpers/waiting.ts";

/** Sends each event of its group to its client. */
export class PageConsumer extends AsyncJsonWebsocketConsumer<never, { id: number }> {
  static override groups = ["pages"];

  async page_changed({ id }: { type: "page.changed"; id: number }) {
    await this.sendJson({ id });
  }
}

/** A site whose WebSockets are in the group `pages`. */
export const site = ProtocolTypeRouter({ websocket: PageConsumer.asAsgi() });

/** Uses a layer for the consumers of this process until the end of the test. */
export function useLayer(layer: ChannelLayer): AsyncDisposable {
  configureChannelLayers({ default: layer });
  return {
    async [Symbol.asyncDispose]() {
      await closeChannelLayers();
      configureChannelLayers({});
    },
  };
}

/** Returns the number of members of the group. */
export async function membersOf(server: Pick<Node, "cli">): Promise<number> {
  return Number(await server.cli("ZCARD", "asgi:group:pages"));
}

/**
 * Stops Redis for some milliseconds while WebSockets are open, and starts it again without its data:
 * they stay open, and receive what is sent afterwards.
 */
export async function checkOutage(
  sockets: number,
  milliseconds: number,
  connect: (url: string) => ChannelLayer,
): Promise<void> {
  const first = await startNode();
  await using layer = connect(`redis://${first.at}`);
  await using _registered = useLayer(layer);
  await using server = await startServer(site);
  await using stack = new AsyncDisposableStack();
  const open = () => openSocket(`ws://${server.host}/`);
  const clients = await Promise.all(range(sockets).map(open));
  clients.forEach((client) => stack.use(client));
  await layer.groupSend("pages", { type: "page.changed", id: 1 });
  await untilAllHave(clients, 1);
  await first.crash();
  await first[Symbol.asyncDispose]();
  await pause(milliseconds);
  await using again = await startNode({ port: first.port });
  await until("all have joined again", async () => await membersOf(again) === sockets, 30_000);
  await layer.groupSend("pages", { type: "page.changed", id: 2 });
  await untilAllHave(clients, 2);
}

async function untilAllHave(clients: readonly TestSocket[], id: number): Promise<void> {
  const text = JSON.stringify({ id });
  const hasIt = ({ messages }: TestSocket) => messages.items.includes(text);
  await until(`all clients have ${text}`, () => clients.every(hasIt), 30_000);
}
