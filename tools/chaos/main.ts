/**
 * Drives real senders and workers through a schedule of faults, and draws the balance of what became
 * of each event:
 *
 *     deno task chaos [--seconds N] [--seed N] [--layer redis|sqlite|both] [--only WORDS]
 *
 * The same seed gives the same schedule. It leaves with 1 when an event was handled twice, when one
 * was lost that no fault explains, or when a process ended by itself.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { redisMissing } from "../../tests/helpers/redis.ts";
import { reportOf } from "./report.ts";
import { type Result, runOnRedis, runOnSqlite, type RunOptions } from "./run.ts";
import { isSound } from "./sheet.ts";

const USAGE = `Usage: deno task chaos [options]

  --seconds N    how long in all (30); from 120 s on one layer, faults last as long as in life
  --seed N       what the schedule is made of (1)
  --layer NAME   redis, sqlite, or both: two thirds of the time for Redis (both)
  --only WORDS   only the faults that a regular expression finds by their names
  --plant LIE    lose:ID, repeat:ID, exit:ID: the application misbehaves, and it has to be seen
  --help         show this`;

const RUNS: Readonly<Record<string, (options: RunOptions) => Promise<Result>>> = {
  redis: runOnRedis,
  sqlite: runOnSqlite,
};

/** What part of the time each layer has, by the option. */
const SHARES: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  both: { redis: 2 / 3, sqlite: 1 / 3 },
  redis: { redis: 1 },
  sqlite: { sqlite: 1 },
};

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: readonly string[]): Promise<number> {
  const unknown: string[] = [];
  const options = parseArgs([...args], {
    boolean: ["help"],
    string: ["seconds", "seed", "layer", "only", "plant"],
    unknown: (arg) => unknown.push(arg) === 0,
  });
  const shares = SHARES[options.layer ?? "both"];
  const [seconds, seed] = [Number(options.seconds ?? 30), Number(options.seed ?? 1)];
  const isWrong = !shares || !(seconds > 0) || !Number.isSafeInteger(seed) || unknown.length > 0;
  if (isWrong || options.help) {
    console.log(USAGE);
    return options.help ? 0 : 2;
  }
  if (shares.redis && redisMissing) {
    console.error("The chaos run needs redis-server on the PATH, or --layer sqlite");
    return 1;
  }
  let isWell = true;
  for (const [layer, share] of Object.entries(shares)) {
    const run = {
      seconds: seconds * share,
      seed,
      plant: options.plant ?? "",
      only: options.only ?? "",
    };
    isWell = await runOne(layer, run) && isWell;
  }
  return isWell ? 0 : 1;
}

/** Runs one layer, prints its balance, and says whether all is well. */
async function runOne(layer: string, options: Omit<RunOptions, "onFault">): Promise<boolean> {
  const start = performance.now();
  const onFault = (name: string) => {
    const seconds = ((performance.now() - start) / 1_000).toFixed(1).padStart(6);
    console.error(`${layer.padEnd(6)} ${seconds} s  ${name}`);
  };
  const result = await RUNS[layer]!({ ...options, onFault });
  console.log(reportOf(layer, options, result));
  return isSound(result.sheet) && result.accidents.length === 0;
}
