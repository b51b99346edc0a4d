/**
 * The conformance suite for authors of channel layers: one test for each promise of the contract.
 *
 * ```ts ignore
 * import { testChannelLayer } from "@asgi/channels/testing/conformance";
 *
 * testChannelLayer({ name: "MyChannelLayer", open: () => openBackend() });
 * ```
 *
 * @module
 */
export { type LayerBackend, type LayerSubject, testChannelLayer } from "./suite.ts";
