import { type Delivery, LayerUnavailableError, type ReceiveManyOptions } from "@asgi/channels";
import { ForwardingLayer } from "../testing/forwarding_layer.ts";
import { Tally } from "./tally.ts";

/** A layer that can go away, for this worker alone, and come back. */
export class AwayLayer extends ForwardingLayer {
  readonly refusals = new Tally<Error>();
  #trouble: Error | undefined;
  #gone = new AbortController();

  /** From now on it answers with an error, also to those who wait. */
  goAway(error: Error = new LayerUnavailableError("away:", "It went away")): void {
    this.#trouble = error;
    this.#gone.abort(error);
  }

  comeBack(): void {
    this.#trouble = undefined;
    this.#gone = new AbortController();
  }

  override async receiveMany(channel: string, options: ReceiveManyOptions): Promise<Delivery[]> {
    this.#check();
    const signals = options.signal ? [options.signal, this.#gone.signal] : [this.#gone.signal];
    return await super.receiveMany(channel, { ...options, signal: AbortSignal.any(signals) });
  }

  override async handBack(deliveries: readonly Delivery[]): Promise<void> {
    this.#check();
    await super.handBack(deliveries);
  }

  #check(): void {
    if (!this.#trouble) return;
    this.refusals.add(this.#trouble);
    throw this.#trouble;
  }
}
