import type { FeedReport, FeedTask } from "../tasks.ts";
import { pause } from "./clock.ts";
import { countedEvent } from "./events.ts";
import { events } from "./fill.ts";
import type { Subject } from "./subject.ts";

/**
 * After a refusal the whole sender waits so long, in milliseconds: long enough that its attempts
 * don't take the machine from the workers, and too short for these to empty the channel.
 */
const PAUSE = 20;

/** Sends until the process ends. */
export class Feed {
  readonly #task: FeedTask;
  readonly #subject: Subject;
  #sent = 0;
  #refused = 0;
  #pausing: Promise<void> | undefined;

  constructor(task: FeedTask, subject: Subject) {
    this.#task = task;
    this.#subject = subject;
  }

  /** What was sent so far. */
  report(): FeedReport {
    return { sent: this.#sent, refused: this.#refused };
  }

  /** Sends in all lanes. */
  async run(): Promise<void> {
    await Promise.all(Array.from({ length: this.#task.lanes }, () => this.#lane()));
  }

  async #lane(): Promise<never> {
    for (;;) {
      if (this.#pausing) await this.#pausing;
      try {
        await this.#send();
      } catch (error) {
        this.#sent += this.#subject.acceptedBefore(error);
        this.#refused++;
        await (this.#pausing ??= pause(PAUSE).finally(() => this.#pausing = undefined));
      }
    }
  }

  async #send(): Promise<void> {
    const { channels: [channel = ""], batch } = this.#task;
    if (batch === 1) await this.#subject.send(channel, countedEvent(this.#sent));
    else await this.#subject.sendMany(channel, events(batch));
    this.#sent += batch;
  }
}
