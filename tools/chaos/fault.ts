import type { Cast } from "./cast.ts";
import type { Random } from "./random.ts";

/** What a fault may touch, whatever the layer is. */
export interface Stage {
  readonly cast: Cast;
  /** How long an event may wait, in milliseconds. */
  readonly expiry: number;
  /** Whether the whole run is short: then faults are. */
  readonly isBrief: boolean;
  /** The URL of the layer. */
  readonly url: string;
  /** Whether somebody keeps all others from the layer now. */
  readonly isBlocked?: () => boolean;
}

/** Something that goes wrong on purpose, and what it may cost. */
export interface Fault<S extends Stage> {
  readonly name: string;
  /** The heading of the section of `docs/reliability.md` that says what may be lost. */
  readonly section: string;
  /** How many events may be lost at most; by default, and unless the section allows a loss, 0. */
  readonly mayLose?: (stage: S) => number;
  /** Whether nobody can receive meanwhile. */
  readonly isBlackout?: boolean;
  /** Makes it happen, and heals it; gives whether it was a blackout, where that isn't known before. */
  readonly act: (stage: S, random: Random) => Promise<boolean | void>;
}

/** How many events a channel may hold. */
export const CAPACITY = 100;

/** The channels of the run. */
export const CHANNELS = ["a", "b"];

/**
 * How many events a worker may hold that it has not begun. Of each channel: 10 ms of work for two
 * handlers of about 1 ms, these two, and half a stock that is on its way.
 */
export const HELD = 40 * CHANNELS.length;

/** How many events may be in answers that are on their way to one worker. */
export const ON_THE_WAY = 16 * CHANNELS.length;

/** A duration in milliseconds: in a run that is short, or in one that isn't. */
export function span({ isBrief }: Stage, brief: number, long: number): number {
  return isBrief ? brief : long;
}

/** Lets time pass: here it is what a fault is made of. */
export async function pass(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** What is to happen, in its order: endless, and the same for the same seed. */
export function* schedule<F>(faults: readonly F[], random: Random): Generator<F> {
  for (;;) yield* random.shuffle(faults);
}
