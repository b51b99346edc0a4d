/**
 * What servers, routers and consumers tell each other about an application besides ASGI. The package
 * does not export it: any function of the right shape is an application.
 *
 * @module
 */
export {
  keepForServer,
  knownChannels,
  prepare,
  type ServerResource,
  ServerResources,
  withHooks,
} from "./hooks.ts";
