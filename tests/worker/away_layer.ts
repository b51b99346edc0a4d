import { type Delivery, LayerUnavailableError, type ReceiveManyOptions } from "@asgi/channels";
import { Tally } from "../helpers/events.ts";
import { ForwardingLayer } from "../helpers/layers.ts";

/** A layer that can go away, for this worker alone, and come back. */
export class AwayLayer extends ForwardingLayer {
  readonly refusals = new Tally<Error>();
  #trouble: Error | undefined;
  #isFull = false;
  #gone = new AbortController();

  /** From now on it answers with an error, also to those who wait. */
  goAway(error: Error = new LayerUnavailableError("away:", "It went away")): void {
    this.#trouble = error;
    this.#gone.abort(error);
  }

  /** From now on it takes nothing back, and gives as before. */
  refuseHandBack(): void {
    this.#isFull = true;
  }

  comeBack(): void {
    this.#isFull = false;
    this.#trouble = undefined;
    this.#gone = new AbortController();
  }

  override async receiveMany(channel: string, options: ReceiveManyOptions): Promise<Delivery[]> {
    this.#check();
    const signals = options.signal ? [options.signal, this.#gone.signal] : [this.#gone.signal];
    return await super.receiveMany(channel, { ...options, signal: AbortSignal.any(signals) });
  }

  override async requeue(deliveries: readonly Delivery[]): Promise<void> {
    if (this.#isFull) this.#refuse(new LayerUnavailableError("full:", "Its memory is full"));
    this.#check();
    await super.requeue(deliveries);
  }

  #check(): void {
    if (this.#trouble) this.#refuse(this.#trouble);
  }

  #refuse(error: Error): never {
    this.refusals.add(error);
    throw error;
  }
}
