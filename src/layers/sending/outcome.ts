import { LayerConfigurationError, LayerUnavailableError } from "../../errors.ts";

/** An error of a layer, which says whether the server may have done what it was asked to. */
type LayerError = LayerUnavailableError | LayerConfigurationError;

/** Returns whether a call that failed may have had its effect, as far as its error knows. */
export function outcomeUnknown(error: unknown): boolean {
  return isLayerError(error) && error.outcomeUnknown;
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
export function withOutcome(error: unknown, mayBeSent = outcomeUnknown(error)): unknown {
  if (!isLayerError(error)) return error;
  const note = mayBeSent ? "the message may have been sent" : "the message was not sent";
  return copy(error, `; ${note}`, mayBeSent);
}

function copy(error: LayerError, note: string, outcomeUnknown: boolean): LayerError {
  const { layer, reason, cause } = error;
  const isUnusable = error instanceof LayerConfigurationError;
  const ErrorClass = isUnusable ? LayerConfigurationError : LayerUnavailableError;
  return new ErrorClass({ layer, reason: reason + note, cause, outcomeUnknown });
}

function isLayerError(error: unknown): error is LayerError {
  return error instanceof LayerUnavailableError || error instanceof LayerConfigurationError;
}
