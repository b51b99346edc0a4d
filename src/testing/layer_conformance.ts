import { abortCases } from "./conformance/abort.ts";
import { capacityCases } from "./conformance/capacity.ts";
import type { LayerBackend, LayerCase } from "./conformance/case.ts";
import { within } from "./conformance/clock.ts";
import { exactCases } from "./conformance/exact.ts";
import { expiryCases } from "./conformance/expiry.ts";
import { groupCases } from "./conformance/groups.ts";
import { handBackCases } from "./conformance/hand_back.ts";
import { lifetimeCases } from "./conformance/lifetime.ts";
import { inspectionCases } from "./conformance/inspection.ts";
import { localChannelCases } from "./conformance/local_channels.ts";
import { localGroupCases } from "./conformance/local_groups.ts";
import { localMailCases } from "./conformance/local_mail.ts";
import { nameCases } from "./conformance/names.ts";
import { onceCases } from "./conformance/once.ts";
import { orderCases } from "./conformance/order.ts";
import { receiveManyCases } from "./conformance/receive_many.ts";
import { refusalCases } from "./conformance/refusals.ts";
import { sendOptionsCases } from "./conformance/send_options.ts";
import { sendingCases } from "./conformance/sending.ts";
import { sizeCases } from "./conformance/size.ts";

export type { LayerBackend } from "./conformance/case.ts";

/** A kind of layer whose promises are to be tested. */
export interface LayerSubject {
  /** What the names of the tests start with. */
  readonly name: string;
  /** Makes a place that layers share, new and empty: each case gets one of its own. */
  readonly open: () => Promise<LayerBackend>;
  /** The cases that this kind can't pass, by their names, and why. They are listed as ignored. */
  readonly except?: Readonly<Record<string, string>>;
}

const CASES: readonly LayerCase[] = [
  ...sendingCases,
  ...sendOptionsCases,
  ...sizeCases,
  ...orderCases,
  ...onceCases,
  ...receiveManyCases,
  ...handBackCases,
  ...abortCases,
  ...capacityCases,
  ...expiryCases,
  ...groupCases,
  ...localChannelCases,
  ...localMailCases,
  ...localGroupCases,
  ...exactCases,
  ...refusalCases,
  ...nameCases,
  ...inspectionCases,
  ...lifetimeCases,
];

/** How long a case may take, in milliseconds: one that waits in vain fails instead of hanging. */
const LONGEST_CASE = 30_000;

/**
 * Registers a test for each promise that a channel layer makes: run it on a layer of your own.
 *
 * @param subject The kind of layer, and how to make one.
 * @throws {TypeError} When `except` names a case that doesn't exist.
 *
 * @example Usage
 * ```ts ignore
 * import { type ChannelLayer, MemoryChannelLayer } from "@asgi/channels";
 * import { testChannelLayer } from "@asgi/channels/testing";
 *
 * testChannelLayer({
 *   name: "MemoryChannelLayer",
 *   open: () => {
 *     const made: ChannelLayer[] = [];
 *     return Promise.resolve({
 *       connect(options) {
 *         const layer = new MemoryChannelLayer(options);
 *         made.push(layer);
 *         return layer;
 *       },
 *       async [Symbol.asyncDispose]() {
 *         await Promise.all(made.map((layer) => layer.close()));
 *       },
 *     });
 *   },
 *   except: { "send() reaches a receive() of another layer": "Two of them share nothing" },
 * });
 * ```
 */
export function testChannelLayer({ name, open, except = {} }: LayerSubject): void {
  const reasons = new Map(Object.entries(except));
  checkExceptions(reasons);
  for (const { name: claim, run } of CASES) {
    const reason = reasons.get(claim);
    Deno.test({
      name: `${name}: ${claim}${reason === undefined ? "" : ` (not so: ${reason})`}`,
      ignore: reason !== undefined,
      fn: async () => {
        await using backend = await open();
        await within(LONGEST_CASE, claim, run(backend));
      },
    });
  }
}

function checkExceptions(reasons: ReadonlyMap<string, string>): void {
  const known = new Set(CASES.map(({ name }) => name));
  for (const name of reasons.keys()) {
    if (!known.has(name)) throw new TypeError(`No case is called ${JSON.stringify(name)}`);
  }
}
