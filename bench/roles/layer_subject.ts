import {
  AsyncConsumer,
  ChannelFullError,
  type ChannelLayer,
  ChannelNameRouter,
  type LogEntry,
  type Message,
  ProtocolTypeRouter,
  Worker,
} from "@asgi/channels";
import type { WorkTask } from "../tasks.ts";
import type { Subject } from "./subject.ts";
import type { Tally } from "./tally.ts";

/** The consumer of the bench: its handlers do nothing but count. */
class BenchConsumer extends AsyncConsumer {
  readonly #tally: Tally;

  constructor(tally: Tally) {
    super();
    this.#tally = tally;
  }

  bench_count(): Promise<void> {
    this.#tally.count();
    return Promise.resolve();
  }

  bench_timed(event: { readonly sentAt: number }): Promise<void> {
    this.#tally.time(event.sentAt);
    return Promise.resolve();
  }
}

/** This library, as its users use it: a layer to send with; routers, a consumer and a worker. */
export class LayerSubject implements Subject {
  readonly #layer: ChannelLayer;

  constructor(layer: ChannelLayer) {
    this.#layer = layer;
  }

  send(channel: string, event: Message): Promise<void> {
    return this.#layer.send(channel, event);
  }

  sendMany(channel: string, events: readonly Message[]): Promise<void> {
    return this.#layer.sendMany(channel, events);
  }

  acceptedBefore(error: unknown): number {
    if (!(error instanceof ChannelFullError)) throw error;
    return error.accepted;
  }

  async work(
    { channels }: Pick<WorkTask, "channels">,
    tally: Tally,
    onListen: () => void,
  ): Promise<void> {
    const consumer = BenchConsumer.asAsgi(tally);
    const routes = Object.fromEntries(channels.map((channel) => [channel, consumer]));
    const application = ProtocolTypeRouter({ channel: ChannelNameRouter(routes) });
    await new Worker({ application, layer: this.#layer, channels, log, onListen }).run();
  }
}

/** As quiet as `runworker --quiet`: what goes wrong is what a bench has to tell. */
function log({ level, message }: LogEntry): void {
  if (level === "warn" || level === "error") console.error(message);
}
