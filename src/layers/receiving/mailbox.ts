import { clearTimeout, setTimeout } from "node:timers";
import type { KeepableDelivery } from "./delivery.ts";

/** How many channels may have mail, and how many bytes all of it may have. */
const MOST_CHANNELS = 10_000;
const MOST_BYTES = 134_217_728;

/** What a kept message costs beyond its bytes, roughly. */
const OVERHEAD = 256;

/** How often expired messages are removed, in milliseconds: at most, and at least. */
const SHORTEST_SWEEP = 1_000;
const LONGEST_SWEEP = 60_000;

/** Reports a message that was dropped. */
export type ReportDrop = (channel: string, reason: string) => void;

/**
 * Keeps messages in this process until a receiver of their channel claims them, or they expire.
 * The oldest are dropped when a channel has more than its capacity, or all channels more than fits.
 */
export class Mailbox<D extends KeepableDelivery> {
  readonly #reportDrop: ReportDrop;
  readonly #capacityOf: (channel: string) => number;
  /** A channel has an entry only while it has mail. */
  readonly #mail = new Map<string, D[]>();
  #bytes = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(reportDrop: ReportDrop, capacityOf: (channel: string) => number = () => Infinity) {
    this.#reportDrop = reportDrop;
    this.#capacityOf = capacityOf;
  }

  /** The channels that have mail. */
  get channels(): string[] {
    return [...this.#mail.keys()];
  }

  /** Takes up to `limit` messages of a channel, the oldest first. */
  take(channel: string, limit: number): D[] {
    if (!this.#mail.has(channel)) return [];
    this.#dropExpired(channel);
    return this.#remove(channel, limit);
  }

  /** Keeps messages behind those that the channel has. */
  add(channel: string, deliveries: readonly D[]): void {
    const mail = this.#mail.get(channel) ?? [];
    for (const delivery of deliveries) mail.push(delivery);
    this.#keep(channel, mail, deliveries);
    this.#drop(channel, mail.length - this.#capacityOf(channel), "its mailbox is full");
  }

  /** Keeps messages before those that the channel has. */
  requeue(channel: string, deliveries: readonly D[]): void {
    this.#keep(channel, [...deliveries, ...this.#mail.get(channel) ?? []], deliveries);
  }

  /** Drops all messages of a channel. */
  discard(channel: string, reason: string): void {
    this.#drop(channel, Infinity, reason);
  }

  /** Forgets all messages. */
  clear(): void {
    this.#mail.clear();
    this.#bytes = 0;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #keep(channel: string, mail: D[], added: readonly D[]): void {
    if (mail.length === 0) return;
    this.#mail.set(channel, mail);
    for (const delivery of added) this.#bytes += delivery.hold() + OVERHEAD;
    while (this.#mail.size > MOST_CHANNELS || this.#bytes > MOST_BYTES) this.#dropOldest();
    this.#scheduleSweep(mail[0]?.expiresAt ?? 0);
  }

  #remove(channel: string, count: number): D[] {
    const mail = this.#mail.get(channel) ?? [];
    const removed = mail.splice(0, count);
    if (mail.length === 0) this.#mail.delete(channel);
    for (const delivery of removed) this.#bytes -= delivery.release() + OVERHEAD;
    return removed;
  }

  #drop(channel: string, count: number, reason: string): void {
    if (count <= 0) return;
    for (const _ of this.#remove(channel, count)) this.#reportDrop(channel, reason);
  }

  /** The channel that has had mail for the longest time loses its oldest message. */
  #dropOldest(): void {
    const [channel = ""] = this.#mail.keys();
    this.#drop(channel, 1, "too much mail that is not received");
  }

  #dropExpired(channel: string): void {
    const now = Date.now();
    const mail = this.#mail.get(channel) ?? [];
    const live = mail.filter(({ expiresAt }) => expiresAt > now);
    if (live.length === mail.length) return;
    mail.sort((one, other) => Number(one.expiresAt > now) - Number(other.expiresAt > now));
    this.#drop(channel, mail.length - live.length, EXPIRED);
  }

  /** Doesn't keep the process alive. */
  #scheduleSweep(firstExpiry: number): void {
    if (this.#timer || this.#mail.size === 0) return;
    const wait = Math.min(Math.max(firstExpiry - Date.now(), SHORTEST_SWEEP), LONGEST_SWEEP);
    this.#timer = setTimeout(() => this.#sweep(), wait).unref();
  }

  #sweep(): void {
    this.#timer = undefined;
    for (const channel of this.channels) this.#dropExpired(channel);
    const first = this.#mail.values().map(([oldest]) => oldest?.expiresAt ?? 0);
    this.#scheduleSweep(first.reduce((one, other) => Math.min(one, other), Infinity));
  }
}

/** Why a message is dropped that was not received in time. */
export const EXPIRED = "it has expired";
