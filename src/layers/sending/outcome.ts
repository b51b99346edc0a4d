import { LayerUnavailableError, LayerUnusableError } from "../../errors.ts";

/** An error of a layer, which says whether the server may have done what it was asked to. */
type LayerError = LayerUnavailableError | LayerUnusableError;

/** Returns whether a call that failed may have had its effect, as far as its error knows. */
export function mayBeDone(error: unknown): boolean {
  return isLayerError(error) && error.mayBeDone;
}

/**
 * Returns the same error, as one of a call that may have had a part of its effect.
 *
 * @param note What the message adds.
 */
export function asMayBeDone(error: unknown, note = ""): unknown {
  return isLayerError(error) ? copy(error, note, true) : error;
}

/** Returns an error for a sender, which says whether the message may have been sent. */
export function withOutcome(error: unknown, mayBeSent = mayBeDone(error)): unknown {
  if (!isLayerError(error)) return error;
  const note = mayBeSent ? "the message may have been sent" : "the message was not sent";
  return copy(error, `; ${note}`, mayBeSent);
}

function copy(error: LayerError, note: string, mayBeDone: boolean): LayerError {
  const { layer, reason, cause } = error;
  const isUnusable = error instanceof LayerUnusableError;
  const ErrorClass = isUnusable ? LayerUnusableError : LayerUnavailableError;
  return new ErrorClass(layer, reason + note, { cause, mayBeDone });
}

function isLayerError(error: unknown): error is LayerError {
  return error instanceof LayerUnavailableError || error instanceof LayerUnusableError;
}
