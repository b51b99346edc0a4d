/**
 * Does the same to our worker and to Python's Channels, one fault after the other, and prints what
 * became of 100 events beside each other: what docs/reliability.md quotes.
 *
 *     deno run -A tools/compare/main.ts [FAULT...]
 *
 * @module
 */
import { tableOf } from "../../bench/table.ts";
import type { Compared } from "./compared.ts";
import { CHANNELS, LIBRARY, type Peer } from "./peers.ts";
import { type Outcome, play } from "./play.ts";
import { REDIS_FAULTS } from "./redis_faults.ts";
import { WIRE_FAULTS } from "./wire_faults.ts";
import { WORKER_FAULTS } from "./worker_faults.ts";

/** The faults, in the order of docs/reliability.md. */
const COMPARED = [...REDIS_FAULTS, ...WORKER_FAULTS, ...WIRE_FAULTS];

if (import.meta.main) await main(Deno.args);

async function main(words: readonly string[]): Promise<void> {
  const chosen = COMPARED.filter(({ name }) =>
    words.length === 0 || words.some((word) => name.includes(word))
  );
  const rows: string[][] = [["fault", "our worker", "Channels' worker"]];
  for (const fault of chosen) {
    const cells: string[] = [];
    for (const peer of [LIBRARY, CHANNELS]) cells.push(await cellOf(peer, fault));
    rows.push([fault.name, ...cells]);
    console.error(rows.at(-1)!.join(" | "));
  }
  console.log(tableOf(rows));
}

async function cellOf(peer: Peer, fault: Compared): Promise<string> {
  const { handled, lost, twice, left, isExtra, end } = await play(peer, fault) satisfies Outcome;
  const parts = [`${handled} handled`];
  if (isExtra) parts.push("the other one too");
  if (twice > 0) parts.push(`${twice} twice`);
  if (lost > 0) parts.push(`${lost} lost`);
  if (left > 0) parts.push(`${left} left in Redis`);
  parts.push(end === undefined ? "lives" : `ended with ${end}`);
  return parts.join(", ");
}
