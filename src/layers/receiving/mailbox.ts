import { clearTimeout, setTimeout } from "node:timers";
import type { KeepableDelivery } from "./delivery.ts";

/** The maximum number of channels with messages, and of bytes in all of them. */
const MAX_CHANNELS = 10_000;
const MAX_BYTES = 134_217_728;

/** About how much memory a message takes besides its bytes. */
const OVERHEAD = 256;

/** The bounds of the delay between two sweeps for expired messages, in milliseconds. */
const MIN_SWEEP_DELAY = 1_000;
const MAX_SWEEP_DELAY = 60_000;

/** Reports a message that was dropped. */
export type ReportDrop = (channel: string, reason: string) => void;

/**
 * Keeps messages in this process until a receiver of their channel takes them, or they expire. If a
 * channel exceeds its capacity, or all channels together exceed a limit, the oldest are dropped.
 */
export class Mailbox<D extends KeepableDelivery> {
  readonly #reportDrop: ReportDrop;
  readonly #capacityOf: (channel: string) => number;
  /** Channels without messages have no entry. */
  readonly #messages = new Map<string, D[]>();
  #bytes = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(reportDrop: ReportDrop, capacityOf: (channel: string) => number = () => Infinity) {
    this.#reportDrop = reportDrop;
    this.#capacityOf = capacityOf;
  }

  /** The channels that have messages. */
  get channels(): string[] {
    return [...this.#messages.keys()];
  }

  /** Takes up to `limit` messages of a channel, the oldest first. */
  take(channel: string, limit: number): D[] {
    if (!this.#messages.has(channel)) return [];
    this.#dropExpired(channel);
    return this.#remove(channel, limit);
  }

  /** Appends messages to a channel. */
  add(channel: string, deliveries: readonly D[]): void {
    const messages = this.#messages.get(channel) ?? [];
    for (const delivery of deliveries) messages.push(delivery);
    this.#keep(channel, messages, deliveries);
    this.#drop(channel, messages.length - this.#capacityOf(channel), "its mailbox is full");
  }

  /** Prepends messages to a channel. */
  requeue(channel: string, deliveries: readonly D[]): void {
    this.#keep(channel, [...deliveries, ...this.#messages.get(channel) ?? []], deliveries);
  }

  /** Drops all messages of a channel. */
  discard(channel: string, reason: string): void {
    this.#drop(channel, Infinity, reason);
  }

  /** Removes all messages, without reporting them. */
  clear(): void {
    this.#messages.clear();
    this.#bytes = 0;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #keep(channel: string, messages: D[], added: readonly D[]): void {
    if (messages.length === 0) return;
    this.#messages.set(channel, messages);
    for (const delivery of added) this.#bytes += delivery.hold() + OVERHEAD;
    while (this.#messages.size > MAX_CHANNELS || this.#bytes > MAX_BYTES) this.#dropOldest();
    this.#scheduleSweep(messages[0]?.expiresAt ?? 0);
  }

  #remove(channel: string, count: number): D[] {
    const messages = this.#messages.get(channel) ?? [];
    const removed = messages.splice(0, count);
    if (messages.length === 0) this.#messages.delete(channel);
    for (const delivery of removed) this.#bytes -= delivery.release() + OVERHEAD;
    return removed;
  }

  #drop(channel: string, count: number, reason: string): void {
    if (count <= 0) return;
    for (const _ of this.#remove(channel, count)) this.#reportDrop(channel, reason);
  }

  /** Drops the oldest message of the channel that has had messages for the longest time. */
  #dropOldest(): void {
    const [channel = ""] = this.#messages.keys();
    this.#drop(channel, 1, "the mailboxes of this process are full");
  }

  #dropExpired(channel: string): void {
    const now = Date.now();
    const messages = this.#messages.get(channel) ?? [];
    const live = messages.filter(({ expiresAt }) => expiresAt > now);
    if (live.length === messages.length) return;
    messages.sort((one, other) => Number(one.expiresAt > now) - Number(other.expiresAt > now));
    this.#drop(channel, messages.length - live.length, EXPIRED);
  }

  /** The timer does not keep the process alive. */
  #scheduleSweep(firstExpiry: number): void {
    if (this.#timer || this.#messages.size === 0) return;
    const delay = Math.min(Math.max(firstExpiry - Date.now(), MIN_SWEEP_DELAY), MAX_SWEEP_DELAY);
    this.#timer = setTimeout(() => this.#sweep(), delay).unref();
  }

  #sweep(): void {
    this.#timer = undefined;
    for (const channel of this.channels) this.#dropExpired(channel);
    const first = this.#messages.values().map(([oldest]) => oldest?.expiresAt ?? 0);
    this.#scheduleSweep(first.reduce((one, other) => Math.min(one, other), Infinity));
  }
}

/** The reason for dropping a message that was not received in time. */
export const EXPIRED = "it has expired";
