/**
 * What servers and routers need of an application besides ASGI. The package does not export it: any
 * function of the right type is an application.
 *
 * @module
 */
export {
  type FetchFunction,
  fetchOf,
  keepForServer,
  knownChannels,
  prepare,
  type ServerResource,
  ServerResources,
  withHooks,
} from "./hooks.ts";
export type {
  AnyConsumer,
  ChannelApplication,
  ChannelsIn,
  CheckedConsumer,
  ConsumerApplication,
  GroupMessageFor,
  GroupsIn,
  HandlesEvents,
  MessageFor,
  ProtocolApplication,
  ReservesNames,
  ServerEventName,
  SubscribedMessage,
} from "./events.ts";
