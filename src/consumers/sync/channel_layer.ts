import type { SendOptions } from "../../layers/mod.ts";
import type { ChannelsIn, GroupMessageFor, GroupsIn, MessageFor } from "../../protocol/internal.ts";
import type { AnyChannels, LocalChannel } from "../../protocol/mod.ts";
import type { ConsumerContext } from "./context.ts";

/** Options for the sending methods of a {@linkcode SyncChannelLayer}: no signal reaches a thread. */
export type SyncSendOptions = Omit<SendOptions, "signal">;

/**
 * The channel layer as a handler on a thread uses it: each method blocks until the main thread has
 * completed it, and throws what the method of the same name of `ChannelLayer` rejects with.
 *
 * @typeParam C The channels that can be sent to, and what they accept.
 * @typeParam G The groups that can be sent to, and what they accept.
 */
export interface SyncChannelLayer<C = AnyChannels, G = AnyChannels> {
  /** Sends a message to a channel. */
  send<N extends (keyof ChannelsIn<C> & string) | LocalChannel>(
    channel: N,
    message: MessageFor<C, N>,
    options?: SyncSendOptions,
  ): void;
  /** Sends messages to a channel, in order and in few batches. */
  sendMany<N extends (keyof ChannelsIn<C> & string) | LocalChannel>(
    channel: N,
    messages: Iterable<MessageFor<C, N>>,
    options?: SyncSendOptions,
  ): void;
  /** Returns the name of a new process-local channel. */
  newChannel(prefix?: string): LocalChannel;
  /** Adds a channel to a group. */
  groupAdd(group: string, channel: string): void;
  /** Removes a channel from a group. */
  groupDiscard(group: string, channel: string): void;
  /** Sends a message to each channel of a group. */
  groupSend<N extends keyof GroupsIn<G> & string>(group: N, message: GroupMessageFor<G, N>): void;
}

/** Its methods: nothing else of a layer can be called from a thread. */
export const LAYER_METHODS = [
  "send",
  "sendMany",
  "newChannel",
  "groupAdd",
  "groupDiscard",
  "groupSend",
] as const satisfies readonly (keyof SyncChannelLayer)[];

/** Returns the layer of a consumer's context. */
export function syncChannelLayer({ call }: ConsumerContext): SyncChannelLayer {
  return {
    send: (...args) => void call("layer.send", ...args),
    sendMany: (channel, messages, ...options) =>
      void call("layer.sendMany", channel, [...messages], ...options),
    newChannel: (...prefix) => call("layer.newChannel", ...prefix) as LocalChannel,
    groupAdd: (group, channel) => void call("layer.groupAdd", group, channel),
    groupDiscard: (group, channel) => void call("layer.groupDiscard", group, channel),
    groupSend: (group, message) => void call("layer.groupSend", group, message),
  };
}
