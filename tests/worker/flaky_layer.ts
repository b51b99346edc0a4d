import { type Delivery, LayerUnavailableError, type ReceiveManyOptions } from "@asgi/channels";
import { Tally } from "../helpers/events.ts";
import { ForwardingLayer } from "../helpers/layers.ts";

/** A layer that can become unavailable, for one worker alone, and recover. */
export class FlakyLayer extends ForwardingLayer {
  readonly refusals = new Tally<Error>();
  #error: Error | undefined;
  #refusesRequeue = false;
  #gone = new AbortController();

  /** Fails all calls from now on, also pending ones. */
  fail(error: Error = new LayerUnavailableError({ layer: "away:", reason: "It went away" })): void {
    this.#error = error;
    this.#gone.abort(error);
  }

  /** Refuses to requeue from now on, and delivers as before. */
  refuseRequeue(): void {
    this.#refusesRequeue = true;
  }

  recover(): void {
    this.#refusesRequeue = false;
    this.#error = undefined;
    this.#gone = new AbortController();
  }

  override async receiveMany(channel: string, options: ReceiveManyOptions): Promise<Delivery[]> {
    this.#check();
    const signals = options.signal ? [options.signal, this.#gone.signal] : [this.#gone.signal];
    return await super.receiveMany(channel, { ...options, signal: AbortSignal.any(signals) });
  }

  override async requeue(deliveries: readonly Delivery[]): Promise<void> {
    if (this.#refusesRequeue) {
      this.#refuse(new LayerUnavailableError({ layer: "full:", reason: "Its memory is full" }));
    }
    this.#check();
    await super.requeue(deliveries);
  }

  #check(): void {
    if (this.#error) this.#refuse(this.#error);
  }

  #refuse(error: Error): never {
    this.refusals.add(error);
    throw error;
  }
}
