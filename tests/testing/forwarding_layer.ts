import type {
  ChannelLayer,
  Delivery,
  LayerInspection,
  Message,
  ReceiveManyOptions,
  ReceiveOptions,
  SendOptions,
} from "@asgi/channels";

/** Does all that another layer does: tests override what they want to see, or to fail. */
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

  newChannel(prefix?: string): string {
    return this.inner.newChannel(prefix);
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
