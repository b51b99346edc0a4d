import { assertStrictEquals } from "@std/assert";
import {
  type ChannelLayer,
  type ChannelLayerOptions,
  closeChannelLayers,
  configureChannelLayers,
  type Delivery,
  getChannelLayer,
  type LayerInspection,
  type LocalChannel,
  MemoryChannelLayer,
  type Message,
  type ReceiveManyOptions,
  type ReceiveOptions,
  type SendOptions,
  SqliteChannelLayer,
  type SubscribeOptions,
  type Subscription,
} from "@asgi/channels";
import type { LayerBackend } from "@asgi/channels/testing/conformance";
import { temporaryFolder } from "./temporary.ts";

/** Forwards every call to another layer; a test overrides some of its methods. */
export class ForwardingLayer implements ChannelLayer {
  readonly inner: ChannelLayer;

  constructor(inner: ChannelLayer) {
    this.inner = inner;
  }

  get url(): string {
    return this.inner.url;
  }

  send(channel: string, message: Message, options?: SendOptions): Promise<void> {
    return this.inner.send(channel, message, options);
  }

  sendMany(channel: string, messages: Iterable<Message>, options?: SendOptions): Promise<void> {
    return this.inner.sendMany(channel, messages, options);
  }

  receive(channel: string, options?: ReceiveOptions): Promise<Message> {
    return this.inner.receive(channel, options);
  }

  receiveMany(channel: string, options: ReceiveManyOptions): Promise<Delivery[]> {
    return this.inner.receiveMany(channel, options);
  }

  requeue(deliveries: readonly Delivery[]): Promise<void> {
    return this.inner.requeue(deliveries);
  }

  newChannel(prefix?: string): LocalChannel {
    return this.inner.newChannel(prefix);
  }

  subscribe<N extends string | Iterable<string>, M = Message>(
    groups?: N,
    options?: SubscribeOptions,
  ): Promise<Subscription<M>> {
    return this.inner.subscribe<N, M>(groups, options);
  }

  groupAdd(group: string, channel: string): Promise<void> {
    return this.inner.groupAdd(group, channel);
  }

  groupDiscard(group: string, channel: string): Promise<void> {
    return this.inner.groupDiscard(group, channel);
  }

  groupSend(group: string, message: Message): Promise<void> {
    return this.inner.groupSend(group, message);
  }

  flush(): Promise<void> {
    return this.inner.flush();
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  inspect(channels?: readonly string[]): Promise<LayerInspection> {
    return this.inner.inspect(channels);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  toString(): string {
    return String(this.inner);
  }
}

/** The default layer of a test; the configuration is reset at the end. */
export interface TestLayer extends AsyncDisposable {
  readonly layer: ChannelLayer;
}

/** Configures a memory layer, or a wrapper around it, as the default layer. */
export function useMemoryLayer(
  around: (layer: ChannelLayer) => ChannelLayer = (layer) => layer,
): TestLayer {
  const layer = around(new MemoryChannelLayer());
  configureChannelLayers({ default: layer });
  assertStrictEquals(getChannelLayer(), layer, "These tests need CHANNEL_LAYER_URL to be unset");
  return {
    layer,
    async [Symbol.asyncDispose]() {
      await closeChannelLayers();
      configureChannelLayers({});
    },
  };
}

/**
 * Creates a backend for the conformance suite.
 *
 * @param create Creates one layer.
 * @param shared What the layers share; it is disposed of after they are closed.
 */
export function backendOf(
  create: (options?: ChannelLayerOptions) => ChannelLayer,
  shared?: AsyncDisposable,
): LayerBackend {
  const layers: ChannelLayer[] = [];
  return {
    connect(options) {
      const layer = create(options);
      layers.push(layer);
      return layer;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(layers.map((layer) => layer.close()));
      await shared?.[Symbol.asyncDispose]();
    },
  };
}

/** Exceptions of Redis layers: like channels_redis, they put the prefix directly before a name. */
export const AMBIGUOUS_PREFIXES: Readonly<Record<string, string>> = {
  "prefix separates layers even if one prefix is the beginning of the other":
    "keys are those of channels_redis",
};

/** A SQLite layer in a temporary folder. */
export interface SqliteLayer extends AsyncDisposable {
  readonly layer: SqliteChannelLayer;
  readonly folder: string;
  readonly path: string;
  readonly url: string;
}

/** Opens a SQLite layer that other processes can share. */
export async function openSqliteLayer(options: ChannelLayerOptions = {}): Promise<SqliteLayer> {
  const stack = new AsyncDisposableStack();
  const { path: folder } = stack.use(await temporaryFolder());
  const path = `${folder}/events.sqlite3`;
  const layer = stack.use(new SqliteChannelLayer({ path, ...options }));
  const dispose = () => stack.disposeAsync();
  return { layer, folder, path, url: `sqlite:${path}`, [Symbol.asyncDispose]: dispose };
}
