import type { WorkerCounts } from "../../worker/mod.ts";
import { ExitCode, UsageError } from "../terminal.ts";
import { type FleetOptions, Member } from "./member.ts";
import type { Ended } from "./messages.ts";
import { sharedCounter, sumOf } from "./shared_counter.ts";

/** Several threads that do the same work, as one: the code of the user runs in them only. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #members: readonly Member[];
  readonly #abandon = new AbortController();

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#members = Array.from(
      { length: options.threads },
      (_, at) => new Member(at + 1, options),
    );
  }

  /** What all of them have done so far. */
  get counts(): WorkerCounts {
    return sharedCounter(sumOf(this.#members.map(({ memory }) => memory))).snapshot;
  }

  /**
   * Runs them until they are told to stop, and have.
   *
   * @throws {UsageError} When the user can mend what prevents their start.
   */
  async run(): Promise<ExitCode> {
    this.#announce();
    const ends = await Promise.all(this.#members.map((member) => this.#run(member)));
    const problem = ends.find((end) => end.problem !== undefined);
    if (problem?.code === ExitCode.usage) throw new UsageError(problem.problem);
    if (problem) this.#options.log({ level: "error", message: `${problem.problem}` });
    return ends.every(({ code }) => code === ExitCode.ok) ? ExitCode.ok : ExitCode.failed;
  }

  /** What prevents one of them prevents all: it is told once. */
  async #run(member: Member): Promise<Ended> {
    const end = await member.run(this.#abandon.signal);
    if (end.code !== ExitCode.ok && !this.#options.terminal.stop.aborted) this.#abandon.abort();
    return end;
  }

  async #announce(): Promise<void> {
    const { order, threads, log } = this.#options;
    const [where] = await Promise.all(this.#members.map(({ listening }) => listening));
    const message = `Listening on ${order.channels.join(", ")} (${where}, ${threads} threads)`;
    log({ level: "info", message });
  }
}
