import { abortCases } from "./abort.ts";
import { capacityCases } from "./capacity.ts";
import type { LayerBackend, LayerCase } from "./case.ts";
import { within } from "./clock.ts";
import { exactCases } from "./exact.ts";
import { expiryCases } from "./expiry.ts";
import { groupCases } from "./groups.ts";
import { requeueCases } from "./requeue.ts";
import { lifetimeCases } from "./lifetime.ts";
import { inspectionCases } from "./inspection.ts";
import { localChannelCases } from "./local_channels.ts";
import { localGroupCases } from "./local_groups.ts";
import { localMailCases } from "./local_mail.ts";
import { nameCases } from "./names.ts";
import { onceCases } from "./once.ts";
import { orderCases } from "./order.ts";
import { receiveManyCases } from "./receive_many.ts";
import { refusalCases } from "./refusals.ts";
import { sendOptionsCases } from "./send_options.ts";
import { sendingCases } from "./sending.ts";
import { sizeCases } from "./size.ts";

export type { LayerBackend } from "./case.ts";

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
  ...requeueCases,
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
 * import { testChannelLayer } from "@asgi/channels/testing/conformance";
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
