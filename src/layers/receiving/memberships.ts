import { clearTimeout, setTimeout } from "node:timers";
import { setTimeout as pause } from "node:timers/promises";
import { Backoff } from "../../async.ts";
import { isRejection, LayerClosedError, LayerUnavailableError } from "../../errors/mod.ts";
import type { Store } from "../store.ts";
import { warnSeldom } from "../warnings.ts";

/** How many memberships are renewed concurrently. */
const BATCH = 100;

/** The delays between the attempts to reach an unavailable store, in milliseconds. */
const DELAYS = { min: 50, max: 1_000 };

/** How long the end of a channel waits for its groups to be left, in milliseconds. */
const LEAVE_TIMEOUT = 1_000;

/** For how long a closed channel is removed from its groups in the background, in milliseconds. */
const MAX_RETRY_TIME = 300_000;

/** A membership is renewed after this part of `groupExpiry`, and at least at the longest timer. */
const RENEWALS_PER_EXPIRY = 3;
const MAX_TIMER = 2_147_483_647;

/** The parts that {@linkcode Memberships} are constructed from. */
export interface MembershipsParts {
  readonly store: Store;
  /** How long a channel stays in a group, in milliseconds. */
  readonly groupExpiry: number;
  /** The URL of the layer, for errors. */
  readonly name: string;
}

/** A channel in a group, from the first `groupAdd()` until the store has confirmed its removal. */
interface Membership {
  readonly group: string;
  readonly channel: string;
  /** Whether the channel should be in the group. */
  isWanted: boolean;
  /** Whether a `groupAdd()` has succeeded since the channel was last removed. */
  hasJoined: boolean;
  /** Whether the store has what is wanted, as far as is known. */
  isSettled: boolean;
  /** How many calls of the store are pending, and the last of them. */
  calls: number;
  lastCall: Promise<void>;
  /** When to stop retrying its removal, by the monotonic clock. */
  retryUntil: number;
}

/**
 * Keeps the own channels of a layer in their groups: renews each membership before it expires, and
 * adds it again after the store was unavailable, when it may have lost its data. The calls for one
 * membership run one after another, so a renewal never restores a membership that was discarded.
 */
export class Memberships {
  readonly #parts: MembershipsParts;
  /** By channel and group. Channels without a group have no entry. */
  readonly #channels = new Map<string, Map<string, Membership>>();
  readonly #closing = new AbortController();
  /** How often the store may have lost its groups: an earlier call may have been in vain. */
  #resets = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isSettling = false;

  constructor(parts: MembershipsParts) {
    this.#parts = parts;
  }

  /** Adds an own channel to a group. If that fails, the channel is not kept in it. */
  async add(group: string, channel: string): Promise<void> {
    const known = this.#find(group, channel);
    const membership = known ?? this.#create(group, channel);
    membership.isWanted = true;
    try {
      await this.#apply(membership);
    } catch (error) {
      const isLast = membership.calls === 0;
      // If it is not new, an earlier removal may have failed.
      const isOutside = !known && isRejection(error);
      if (isLast && !membership.hasJoined) this.#abandon(membership, isOutside);
      this.#settle();
      throw error;
    }
  }

  /** Removes a channel from a group. If that fails, it is retried in the background. */
  async discard(group: string, channel: string): Promise<void> {
    const membership = this.#find(group, channel);
    if (!membership) return await this.#parts.store.groupDiscard(group, channel);
    await this.#remove(membership);
  }

  /** Removes a closed channel from its groups. Resolves soon even if the store is unavailable. */
  async leave(channel: string): Promise<void> {
    await this.#removeAll([...this.#channels.get(channel)?.values() ?? []]);
  }

  /** Adds all channels to their groups again, because the store may have lost them. */
  refresh(): void {
    this.#resets++;
    for (const membership of this.#all()) membership.isSettled = false;
    this.#settle();
  }

  /** Forgets all memberships: the groups were deleted. */
  clear(): void {
    this.#channels.clear();
    this.#stopIfEmpty();
  }

  /** Removes all channels from their groups, unless the store is unavailable. */
  async close(): Promise<void> {
    await this.#removeAll([...this.#all()]);
    this.#closing.abort(new LayerClosedError({ layer: this.#parts.name }));
    this.clear();
  }

  async #removeAll(memberships: readonly Membership[]): Promise<void> {
    if (memberships.length === 0) return;
    const removals = memberships.map((membership) => this.#remove(membership).catch(() => {}));
    const done = new AbortController();
    const timeout = pause(LEAVE_TIMEOUT, undefined, done).catch(() => {});
    await Promise.race([Promise.all(removals), timeout]);
    done.abort();
  }

  async #remove(membership: Membership): Promise<void> {
    this.#abandon(membership, false);
    try {
      await this.#apply(membership);
    } catch (error) {
      this.#settle();
      throw error;
    }
  }

  /** Notes that a channel should not be in a group; `isSettled` if it certainly is not. */
  #abandon(membership: Membership, isSettled: boolean): void {
    membership.isWanted = membership.hasJoined = false;
    membership.isSettled = isSettled;
    membership.retryUntil = performance.now() + MAX_RETRY_TIME;
    this.#forgetIfGone(membership);
  }

  /** Tells the store what is wanted, after the earlier calls for the same membership. */
  #apply(membership: Membership): Promise<void> {
    membership.calls++;
    const call = membership.lastCall.then(() => this.#call(membership));
    membership.lastCall = call.catch(() => {});
    return call;
  }

  async #call(membership: Membership): Promise<void> {
    const { group, channel, isWanted } = membership;
    const { store } = this.#parts;
    const resets = this.#resets;
    try {
      this.#closing.signal.throwIfAborted();
      await (isWanted ? store.groupAdd(group, channel) : store.groupDiscard(group, channel));
      membership.isSettled = isWanted === membership.isWanted && resets === this.#resets;
      membership.hasJoined = isWanted && membership.isWanted;
    } catch (error) {
      membership.isSettled = false;
      throw error;
    } finally {
      membership.calls--;
    }
    this.#forgetIfGone(membership);
    if (!membership.isSettled && membership.calls === 0) this.#settle();
  }

  /** Settles what is not settled, in the background. */
  #settle(): void {
    if (this.#closing.signal.aborted || this.#isSettling) return;
    this.#isSettling = true;
    void this.#settleAll();
  }

  /** Ends in the same step in which it finds everything settled: a later call starts it again. */
  async #settleAll(): Promise<void> {
    const backoff = new Backoff(DELAYS);
    const { signal } = this.#closing;
    try {
      for (let unsettled; (unsettled = this.#unsettled()).length > 0;) {
        while (unsettled.length > 0) {
          await Promise.all(unsettled.splice(0, BATCH).map((one) => this.#retry(one)));
        }
        if (this.#unsettled().length === 0) return;
        await pause(backoff.next(), undefined, { ref: false, signal }).catch(() => {});
      }
    } finally {
      this.#isSettling = false;
    }
  }

  async #retry(membership: Membership): Promise<void> {
    try {
      await this.#apply(membership);
    } catch (error) {
      const { isWanted, retryUntil, group } = membership;
      const isTemporary = error instanceof LayerUnavailableError;
      if (isTemporary && (isWanted || performance.now() < retryUntil)) return;
      // The next renewal retries what is wanted.
      membership.isSettled = true;
      this.#forgetIfGone(membership);
      if (!isTemporary) warnSeldom("membership", `Cannot renew group ${group}: ${error}`);
    }
  }

  #renew(): void {
    this.#timer = undefined;
    this.refresh();
    this.#scheduleRenewal();
  }

  /** The timer does not keep the process alive. */
  #scheduleRenewal(): void {
    if (this.#closing.signal.aborted) return;
    const delay = Math.min(this.#parts.groupExpiry / RENEWALS_PER_EXPIRY, MAX_TIMER);
    this.#timer ??= setTimeout(() => this.#renew(), delay).unref();
  }

  #stopIfEmpty(): void {
    if (this.#channels.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #find(group: string, channel: string): Membership | undefined {
    return this.#channels.get(channel)?.get(group);
  }

  #create(group: string, channel: string): Membership {
    const membership = {
      group,
      channel,
      isWanted: true,
      hasJoined: false,
      isSettled: false,
      calls: 0,
      lastCall: Promise.resolve(),
      retryUntil: Infinity,
    };
    const groups = this.#channels.get(channel) ?? new Map<string, Membership>();
    this.#channels.set(channel, groups.set(group, membership));
    this.#scheduleRenewal();
    return membership;
  }

  #forgetIfGone(membership: Membership): void {
    const { group, channel, isWanted, isSettled, calls } = membership;
    if (isWanted || !isSettled || calls > 0) return;
    const groups = this.#channels.get(channel);
    if (groups?.get(group) !== membership) return;
    groups.delete(group);
    if (groups.size === 0) this.#channels.delete(channel);
    this.#stopIfEmpty();
  }

  *#all(): Generator<Membership> {
    for (const groups of this.#channels.values()) yield* groups.values();
  }

  /** Returns what has to be repeated. The first `groupAdd()` of a membership is up to the caller. */
  #unsettled(): Membership[] {
    return [...this.#all()].filter(({ isSettled, isWanted, hasJoined }) =>
      !isSettled && isWanted === hasJoined
    );
  }
}
