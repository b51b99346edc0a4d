import { LayerConfigurationError, LayerUnavailableError } from "../../errors/mod.ts";

/** An error of a layer; it says whether the operation may have been carried out. */
type LayerError = LayerUnavailableError | LayerConfigurationError;

/** Returns whether a call that failed may have been carried out, as far as its error says. */
export function outcomeUnknown(error: unknown): boolean {
  return isLayerError(error) && error.outcomeUnknown;
}

/** Returns a copy of the error of a call of which a part may have been carried out. */
export function withUnknownOutcome(error: unknown): unknown {
  return isLayerError(error) ? copy(error, "", true) : error;
}

/** Returns a copy of an error that says whether the message may have been sent. */
export function withOutcome(error: unknown, mayBeSent = outcomeUnknown(error)): unknown {
  if (!isLayerError(error)) return error;
  const note = mayBeSent ? "the message may have been sent" : "the message was not sent";
  return copy(error, `; ${note}`, mayBeSent);
}

function copy(error: LayerError, note: string, outcomeUnknown: boolean): LayerError {
  const { layer, reason, cause } = error;
  const needsHuman = error instanceof LayerConfigurationError;
  const ErrorClass = needsHuman ? LayerConfigurationError : LayerUnavailableError;
  return new ErrorClass({ layer, reason: reason + note, cause, outcomeUnknown });
}

function isLayerError(error: unknown): error is LayerError {
  return error instanceof LayerUnavailableError || error instanceof LayerConfigurationError;
}
