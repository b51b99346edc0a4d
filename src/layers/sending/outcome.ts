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
  return copy(
    error,
    mayBeSent ? "; the message may have been sent" : "; the message was not sent",
    mayBeSent,
  );
}

function copy({ layer, reason, cause, constructor }: LayerError, note: string, isDone: boolean) {
  const ErrorClass = constructor as typeof LayerUnavailableError | typeof LayerUnusableError;
  return new ErrorClass(layer, reason + note, { cause, mayBeDone: isDone });
}

function isLayerError(error: unknown): error is LayerError {
  return error instanceof LayerUnavailableError || error instanceof LayerUnusableError;
}
