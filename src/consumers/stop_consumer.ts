/** Thrown by a handler to end its consumer without an error: the next event gets a new instance. */
export class StopConsumer extends Error {
  /** The name of the class. */
  override readonly name = "StopConsumer";

  /** Creates the error. */
  constructor() {
    super("The consumer has stopped");
  }
}
