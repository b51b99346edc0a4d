import type { Message } from "@asgi/channels";
import type { RedisPlace } from "../chaos/redis_stage.ts";
import type { Scene } from "./play.ts";

/** Something that goes wrong for one worker, of ours or of Channels. */
export interface Compared {
  readonly name: string;
  readonly act: (scene: Scene) => Promise<void>;
  /** What the events are; by default each takes 10 ms. */
  readonly event?: (id: number) => Message;
  /** How long nothing happens until all is taken for done, in milliseconds, if longer than usual. */
  readonly quiet?: number;
  /** How many workers there are, if more than one. */
  readonly workers?: number;
  /** What comes before the workers are started; by default, Redis is started. */
  readonly prepare?: (redis: RedisPlace) => Promise<void>;
  /** Whether the workers can't come up before the fault is over: then all is sent after it. */
  readonly isAtStart?: boolean;
  /** Whether no event is handled, so that there is nothing to wait for. */
  readonly handlesNone?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** A line of shell that starts a worker, in which `"$@"` is the command: to set its limits. */
  readonly shell?: string;
}

/** The id of an event that is none of the 100. */
export const EXTRA = "extra";

/** Some of 100 events are of another type. */
export function oneOf(type: string, number: number): (id: number) => Message {
  return (id) => ({ type: id === number ? type : "steady", id });
}

/** Nothing goes wrong from outside. */
export const idle = () => Promise.resolve();
