import { LayerUnavailableError } from "../errors.ts";

/** What one call wants to send, and whom to tell how much of it was taken. */
export class OutboxEntry {
  readonly #bodies: readonly Uint8Array[];
  readonly #result = Promise.withResolvers<number>();
  readonly #onEnd: () => void;
  /** Whether it waits for room where there is none. */
  readonly isPatient: boolean;
  #accepted = 0;
  #isOver = false;

  /** @param onEnd Called once, when it has come to its end. */
  constructor(bodies: readonly Uint8Array[], isPatient: boolean, onEnd: () => void) {
    this.#bodies = bodies;
    this.isPatient = isPatient;
    this.#onEnd = onEnd;
  }

  /** How many bodies were taken in the end. */
  get result(): Promise<number> {
    return this.#result.promise;
  }

  /** How many bodies were taken so far, the first ones. */
  get accepted(): number {
    return this.#accepted;
  }

  /** What is still to be sent. */
  get rest(): readonly Uint8Array[] {
    if (this.#isOver) return [];
    return this.#accepted === 0 ? this.#bodies : this.#bodies.slice(this.#accepted);
  }

  /** Whether there is nothing more to be done for it. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Notes that so many more were taken. */
  take(count: number): void {
    this.#accepted += count;
    if (this.#accepted === this.#bodies.length) this.end();
  }

  /** That is all: the rest isn't sent. */
  end(): void {
    if (this.#over()) this.#result.resolve(this.#accepted);
  }

  /** It can't be sent; a sender is told whether it may have arrived all the same. */
  fail(error: unknown): void {
    if (!this.#over()) return;
    this.#result.reject(error instanceof LayerUnavailableError ? this.#tell(error) : error);
  }

  #tell({ layer, reason, mayBeDone, cause }: LayerUnavailableError): LayerUnavailableError {
    const isPartlyDone = mayBeDone || this.#accepted > 0;
    const what = isPartlyDone ? "may have arrived" : "was not sent";
    const options = { cause, mayBeDone: isPartlyDone };
    return new LayerUnavailableError(layer, `${reason}; what was to be sent ${what}`, options);
  }

  #over(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#onEnd();
    return true;
  }
}
