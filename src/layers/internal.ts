/**
 * What the other folders of this library use of the layers, and users don't see.
 *
 * @module
 */
export { withHandlerContext } from "./sending/handler_context.ts";
