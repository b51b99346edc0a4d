/**
 * The conformance suite for authors of channel layers: every promise of the contract as a test.
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
