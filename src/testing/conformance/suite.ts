import { abortCases } from "./abort.ts";
import { capacityCases } from "./capacity.ts";
import type { LayerBackend, LayerCase } from "./case.ts";
import { within } from "./clock.ts";
import { exactCases } from "./exact.ts";
import { expiryCases } from "./expiry.ts";
import { groupCases } from "./groups.ts";
import { inspectionCases } from "./inspection.ts";
import { lifetimeCases } from "./lifetime.ts";
import { localChannelCases } from "./local_channels.ts";
import { localGroupCases } from "./local_groups.ts";
import { mailboxCases } from "./mailboxes.ts";
import { nameCases } from "./names.ts";
import { onceCases } from "./once.ts";
import { orderCases } from "./order.ts";
import { receiveManyCases } from "./receive_many.ts";
import { rejectionCases } from "./rejections.ts";
import { requeueCases } from "./requeue.ts";
import { sendOptionsCases } from "./send_options.ts";
import { sendingCases } from "./sending.ts";
import { sizeCases } from "./size.ts";
import { subscriptionCases } from "./subscriptions.ts";

export type { LayerBackend } from "./case.ts";

/** The layer to test, as {@linkcode testChannelLayer} takes it. */
export interface LayerSubject {
  /** The beginning of the names of the tests. */
  readonly name: string;
  /** Creates an empty backend. It is called once for each case. */
  readonly open: () => Promise<LayerBackend>;
  /**
   * The cases that the layer cannot pass: the reason by the name of the case. They are ignored.
   *
   * @default {{}}
   */
  readonly except?: Readonly<Record<string, string>>;
}

const CASES: readonly LayerCase[] = [
  ...sendingCases,
  ...sendOptionsCases,
  ...sizeCases,
  ...orderCases,
  ...onceCases,
  ...receiveManyCases,
  ...requeueCases,
  ...abortCases,
  ...capacityCases,
  ...expiryCases,
  ...groupCases,
  ...localChannelCases,
  ...mailboxCases,
  ...localGroupCases,
  ...subscriptionCases,
  ...exactCases,
  ...rejectionCases,
  ...nameCases,
  ...inspectionCases,
  ...lifetimeCases,
];

/** The timeout of a case, in milliseconds. */
const CASE_TIMEOUT = 30_000;

/**
 * Registers a `Deno.test()` for each promise of the contract of channel layers.
 *
 * @param subject The layer to test, and the cases that it cannot pass.
 * @throws {TypeError} If `except` names a case that does not exist.
 *
 * @example Usage
 * ```ts ignore
 * import { type ChannelLayer, MemoryChannelLayer } from "@asgi/channels";
 * import { testChannelLayer } from "@asgi/channels/testing/conformance";
 *
 * testChannelLayer({
 *   name: "MemoryChannelLayer",
 *   open: () => {
 *     const layers: ChannelLayer[] = [];
 *     return Promise.resolve({
 *       connect(options) {
 *         const layer = new MemoryChannelLayer(options);
 *         layers.push(layer);
 *         return layer;
 *       },
 *       async [Symbol.asyncDispose]() {
 *         await Promise.all(layers.map((layer) => layer.close()));
 *       },
 *     });
 *   },
 *   except: { "send() reaches a receive() of another layer": "two layers share nothing" },
 * });
 * ```
 */
export function testChannelLayer({ name, open, except = {} }: LayerSubject): void {
  const reasons = new Map(Object.entries(except));
  checkExceptions(reasons);
  for (const { name: claim, run } of CASES) {
    const reason = reasons.get(claim);
    Deno.test({
      name: `${name}: ${claim}${reason === undefined ? "" : ` (exception: ${reason})`}`,
      ignore: reason !== undefined,
      fn: async () => {
        await using backend = await open();
        await within(CASE_TIMEOUT, claim, run(backend));
      },
    });
  }
}

function checkExceptions(reasons: ReadonlyMap<string, string>): void {
  const known = new Set(CASES.map(({ name }) => name));
  for (const name of reasons.keys()) {
    if (!known.has(name)) {
      throw new TypeError(`except names an unknown case: ${JSON.stringify(name)}`);
    }
  }
}
