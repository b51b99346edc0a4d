/** Thrown in a handler, it ends the consumer quietly: the next event gets a fresh one. */
export class StopConsumer extends Error {
  /** Survives minification. */
  override readonly name = "StopConsumer";

  /** Takes nothing: there is nothing to explain. */
  constructor() {
    super("The consumer has stopped");
  }
}
