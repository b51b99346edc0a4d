import process from "node:process";
import { redirectWarnings } from "../../src/layers/internal.ts";
import { Tally } from "./events.ts";

/** The warnings since the start of the collection, which ends when it is disposed of. */
export type Warnings = Tally<string> & Disposable;

/** Collects the warnings of layers instead of emitting them. */
export function collectLayerWarnings(): Warnings {
  const texts = new Tally<string>();
  redirectWarnings((text) => texts.add(text));
  return Object.assign(texts, { [Symbol.dispose]: () => redirectWarnings(undefined) });
}

/** Collects the warnings of this process, each of which is emitted a turn later. */
export function collectProcessWarnings(): Warnings {
  const texts = new Tally<string>();
  const listen = ({ message }: Error) => texts.add(message);
  process.on("warning", listen);
  return Object.assign(texts, { [Symbol.dispose]: () => void process.off("warning", listen) });
}
