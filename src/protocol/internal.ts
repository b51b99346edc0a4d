/**
 * What servers and routers need of an application besides ASGI. The package does not export it: any
 * function of the right type is an application.
 *
 * @module
 */
export { knownChannels, type Preparation, prepare, withHooks } from "./application.ts";
