import { ChannelsError, LayerClosedError } from "../errors/mod.ts";
import type { AnyMessage, LocalChannel, Message } from "../protocol/mod.ts";
import type {
  ChannelLayer,
  Delivery,
  ReceiveManyOptions,
  ReceiveOptions,
  SendOptions,
  SubscribeOptions,
  Subscription,
} from "./channel_layer.ts";
import type { ChannelInspection, LayerInspection } from "./inspection.ts";
import type { Cipher, MessageCodec } from "./messages/codec.ts";
import { MessagePacker } from "./messages/packer.ts";
import {
  checkChannelName,
  checkGroupName,
  isOwned,
  isProcessLocal,
  isValidChannelName,
  nonLocalName,
} from "./names.ts";
import type { LayerSettings } from "./settings.ts";
import { Memberships } from "./receiving/memberships.ts";
import { exposeParts } from "./receiving/own_channel.ts";
import { Receiver } from "./receiving/receiver.ts";
import { subscribe } from "./receiving/subscription.ts";
import { isHandlerOf } from "./sending/handler_context.ts";
import { outcomeUnknown, withOutcome } from "./sending/outcome.ts";
import { SendBuffer } from "./sending/send_buffer.ts";
import type { AddressedBody, Store } from "./store.ts";

/** How many channels one body for a group addresses: about 1 MB of names, within the receive limit. */
const MAX_ADDRESSES = 10_000;

/** A message for the channels of a group that share a key. */
interface GroupBody extends AddressedBody {
  readonly channels: readonly string[];
}

/** The parts that a backend passes to {@linkcode BaseChannelLayer}. */
export interface BaseLayerParts {
  /** Stores the encoded messages. The layer closes it. */
  readonly store: Store;
  /** Encodes and decodes messages. */
  readonly codec: MessageCodec;
  /** Encrypts encoded messages; by default they are not encrypted. */
  readonly cipher?: Cipher;
  /** The URL of the layer without passwords and keys, for logs and errors. */
  readonly name: string;
}

/** The advice for a handler whose own channel is full, even with `waitForCapacity`. */
const OWN_CHANNEL = "a handler cannot wait for capacity in the channel that it handles, " +
  "because capacity becomes free only when handlers return";

/**
 * The common part of all layers, on top of a {@linkcode Store}: checks names, encodes messages, batches
 * sends and distributes what is received. Extend it to create a backend.
 */
export abstract class BaseChannelLayer implements ChannelLayer {
  readonly #store: Store;
  readonly #packer: MessagePacker;
  readonly #name: string;
  readonly #settings: LayerSettings;
  readonly #sendBuffer: SendBuffer;
  readonly #receiver: Receiver;
  readonly #memberships: Memberships;
  readonly #clientPrefix = crypto.randomUUID().replaceAll("-", "");
  #closing: Promise<void> | undefined;

  /**
   * Creates a layer.
   *
   * @param parts The store, the codec and the name of the backend.
   * @param settings The options of the layer, as {@linkcode layerSettings} returns them.
   */
  constructor({ store, codec, cipher, name }: BaseLayerParts, settings: LayerSettings) {
    this.#store = store;
    this.#packer = new MessagePacker(codec, cipher);
    this.#name = name;
    this.#settings = settings;
    this.#sendBuffer = new SendBuffer(store, name);
    const memberships = new Memberships({ store, groupExpiry: settings.groupExpiry, name });
    const onReset = () => memberships.refresh();
    store.onReconnect?.(onReset);
    const receiver = new Receiver({ store, packer: this.#packer, settings, name, onReset });
    this.#memberships = memberships;
    this.#receiver = receiver;
    exposeParts(this, { receiver, memberships });
  }

  /** See {@linkcode ChannelLayer.send}. */
  async send(channel: string, message: AnyMessage, options?: SendOptions): Promise<void> {
    this.#checkOpen();
    checkChannelName(channel);
    await this.#send(channel, [this.#packer.pack(channel, message)], options);
  }

  /** See {@linkcode ChannelLayer.sendMany}. */
  async sendMany(
    channel: string,
    messages: Iterable<AnyMessage>,
    options?: SendOptions,
  ): Promise<void> {
    this.#checkOpen();
    checkChannelName(channel);
    const bodies = Array.from(messages, (message) => this.#packer.pack(channel, message));
    if (bodies.length > 0) await this.#send(channel, bodies, options);
  }

  /** See {@linkcode ChannelLayer.receive}. */
  async receive(channel: string, { signal }: ReceiveOptions = {}): Promise<Message> {
    const options = signal ? { limit: 1, signal } : { limit: 1 };
    for (;;) {
      const [delivery] = await this.receiveMany(channel, options);
      if (delivery) return delivery.read();
    }
  }

  /** See {@linkcode ChannelLayer.receiveMany}. */
  async receiveMany(channel: string, options: ReceiveManyOptions): Promise<Delivery[]> {
    this.#checkOpen();
    checkChannelName(channel);
    const { limit } = options;
    if (!Number.isSafeInteger(limit) || limit < 1) {
      throw new RangeError(`limit must be a positive integer, got ${limit}`);
    }
    if (isProcessLocal(channel)) this.#checkOwn(channel);
    return await this.#receiver.receive(channel, options);
  }

  /** See {@linkcode ChannelLayer.requeue}. */
  async requeue(deliveries: readonly Delivery[]): Promise<void> {
    this.#checkOpen();
    await this.#receiver.requeue(deliveries);
  }

  /** See {@linkcode ChannelLayer.newChannel}. */
  newChannel(prefix = "specific"): LocalChannel {
    const name: LocalChannel = `${prefix}.${this.#clientPrefix}!${
      crypto.randomUUID().replaceAll("-", "")
    }`;
    checkChannelName(name);
    return name;
  }

  /** See {@linkcode ChannelLayer.subscribe}. */
  async subscribe<N extends string | Iterable<string>, M = Message>(
    groups?: N,
    { signal }: SubscribeOptions = {},
  ): Promise<Subscription<M>> {
    this.#checkOpen();
    const names = typeof groups === "string" ? [groups] : [...new Set<string>(groups)];
    names.forEach(checkGroupName);
    return await subscribe(this, names, signal) as Subscription<M>;
  }

  /** See {@linkcode ChannelLayer.groupAdd}. */
  async groupAdd(group: string, channel: string): Promise<void> {
    this.#checkMembership(group, channel);
    if (this.#receiver.isOpen(channel)) return await this.#memberships.add(group, channel);
    // A closed channel has left its groups, and must not remain in one.
    const isClosed = isOwned(channel) && this.#isOwn(channel);
    if (!isClosed) await this.#store.groupAdd(group, channel);
  }

  /** See {@linkcode ChannelLayer.groupDiscard}. */
  async groupDiscard(group: string, channel: string): Promise<void> {
    this.#checkMembership(group, channel);
    await this.#memberships.discard(group, channel);
  }

  /** See {@linkcode ChannelLayer.groupSend}. */
  async groupSend(group: string, message: AnyMessage): Promise<void> {
    this.#checkOpen();
    checkGroupName(group);
    const packFor = this.#packer.draft(message);
    let isSending = false;
    try {
      const bodies = this.#addressed(await this.#store.groupMembers(group), packFor);
      isSending = bodies.length > 0;
      if (isSending) this.#reportSkipped(await this.#store.broadcast(bodies));
    } catch (error) {
      throw withOutcome(error, isSending && outcomeUnknown(error));
    }
  }

  /** See {@linkcode ChannelLayer.flush}. */
  async flush(): Promise<void> {
    this.#checkOpen();
    this.#receiver.clear();
    this.#memberships.clear();
    await this.#store.flush();
  }

  /** See {@linkcode ChannelLayer.inspect}. */
  async inspect(channels: readonly string[] = []): Promise<LayerInspection> {
    this.#checkOpen();
    channels.forEach(checkChannelName);
    const servers = await this.#store.inspectServers();
    return { servers, channels: await Promise.all(channels.map((name) => this.#inspect(name))) };
  }

  /** See {@linkcode ChannelLayer.close}. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  /** Closes the layer at the end of an `await using` block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** See {@linkcode ChannelLayer.url}. */
  get url(): string {
    return this.#name;
  }

  /** Returns the layer's URL. */
  toString(): string {
    return this.#name;
  }

  /** Sends what is buffered, and leaves groups, before it closes the store. */
  async #close(): Promise<void> {
    const parts = [this.#receiver, this.#sendBuffer, this.#memberships];
    await Promise.all(parts.map((part) => part.close()));
    await this.#store.close();
  }

  async #inspect(channel: string): Promise<ChannelInspection> {
    const { count: depth, oldest } = await this.#store.inspectKey(nonLocalName(channel));
    const capacity = this.#settings.keyCapacityOf(channel);
    if (oldest === undefined) return { channel, depth, capacity };
    return { channel, depth, capacity, oldestAge: Math.max(0, Date.now() - oldest) };
  }

  #checkOpen(): void {
    if (this.#closing) throw new LayerClosedError({ layer: this.#name });
  }

  #checkMembership(group: string, channel: string): void {
    this.#checkOpen();
    checkGroupName(group);
    checkChannelName(channel);
  }

  async #send(
    channel: string,
    bodies: readonly Uint8Array[],
    options?: SendOptions,
  ): Promise<void> {
    const mustNotWait = options?.waitForCapacity && isHandlerOf(this, channel)
      ? OWN_CHANNEL
      : undefined;
    const key = nonLocalName(channel);
    const capacity = this.#settings.keyCapacityOf(channel);
    try {
      await this.#sendBuffer.send({ channel, key, capacity, bodies, mustNotWait }, options);
    } catch (error) {
      // The error was created while a batch was sent; its stack has to lead to the call of send().
      const isOurs = error instanceof ChannelsError && error !== options?.signal?.reason;
      if (isOurs) Error.captureStackTrace(error);
      throw error;
    }
  }

  /** Returns a body for each key, addressed to the channels that share it; several if there are many. */
  #addressed(
    members: readonly string[],
    packFor: (channels: readonly string[]) => Uint8Array,
  ): GroupBody[] {
    const byKey = Map.groupBy(members.filter(isValidChannelName), nonLocalName);
    return Array.from(byKey).flatMap(([key, channels]) =>
      Array.from({ length: Math.ceil(channels.length / MAX_ADDRESSES) }, (_, part) => {
        const some = channels.slice(part * MAX_ADDRESSES, (part + 1) * MAX_ADDRESSES);
        const capacity = this.#settings.keyCapacityOf(channels[0] ?? key);
        return { key, channels: some, body: packFor(some), capacity };
      })
    );
  }

  #reportSkipped(bodies: readonly GroupBody[]): void {
    for (const { channels } of bodies) {
      for (const channel of channels) this.#receiver.reportDrop(channel, "its channel is full");
    }
  }

  #isOwn(channel: string): boolean {
    return nonLocalName(channel).endsWith(`.${this.#clientPrefix}!`);
  }

  #checkOwn(channel: string): void {
    if (this.#isOwn(channel)) return;
    throw new TypeError(
      `Channel ${channel} belongs to another layer: receive from a channel of this layer's newChannel()`,
    );
  }
}
