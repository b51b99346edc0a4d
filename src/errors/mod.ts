/**
 * The errors of this package: conditions that a caller may want to catch.
 *
 * @module
 */
export {
  ConnectionClosedError,
  ConsumerConfigurationError,
  InvalidEventError,
  LifespanError,
  NoHandlerError,
  NoRouteError,
  ServerStoppedError,
  ShutdownTimeoutError,
  ThreadError,
} from "./applications.ts";
export { ChannelsError } from "./base.ts";
export {
  ChannelFullError,
  isRejection,
  isSafeToRetry,
  LayerClosedError,
  LayerConfigurationError,
  LayerUnavailableError,
  MessageTooLargeError,
  type OutcomeOptions,
  SendTimeoutError,
  UndecodableMessageError,
} from "./layers.ts";
