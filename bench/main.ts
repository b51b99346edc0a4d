/**
 * Measures this library and its peers side by side, on a Redis that it starts:
 *
 *     deno task bench [--quick] [--only NAME,...] [--json FILE] [--markdown FILE]
 *
 * Each system plays the same roles (`tasks.ts`), each role in a process of its own; systems take
 * turns, so that the ratios of one run can be trusted more than its numbers.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import type { Bench, Measure } from "./bench.ts";
import { machineFacts } from "./machine.ts";
import { MEASURES } from "./measures/mod.ts";
import { FULL, QUICK } from "./plan.ts";
import { RedisServer } from "./redis_server.ts";
import { jsonOf, markdownOf } from "./report.ts";
import { Results } from "./results.ts";
import { findSystems } from "./systems/mod.ts";

const USAGE = `Usage: deno task bench [options]

  --quick          each measure in short: about a minute in all
  --only NAME,...  these measures only: ${MEASURES.map(({ name }) => name).join(", ")}
  --json FILE      write every value there
  --markdown FILE  write the tables there; bench/RESULTS.md is written by a full run
  --help           show this`;

/** Where a full run writes its tables. */
const RESULTS = new URL("RESULTS.md", import.meta.url);

if (import.meta.main) Deno.exit(await main(Deno.args));

/** Runs the bench, and gives the exit code: 0 done, 1 this library failed, 2 wrong usage. */
async function main(args: readonly string[]): Promise<number> {
  const unknown: string[] = [];
  const options = parseArgs([...args], {
    boolean: ["quick", "help"],
    string: ["only", "json", "markdown"],
    unknown: (arg) => unknown.push(arg) === 0,
  });
  const measures = chosen(options.only);
  if (options.help || unknown.length > 0 || !measures) {
    console.log(USAGE);
    return options.help ? 0 : 2;
  }
  if (!await hasRedis()) {
    console.error("The bench needs redis-server on the PATH: Debian has a package of that name");
    return 1;
  }
  const results = await measureAll(measures, options.quick);
  const run = { results, measures, facts: await machineFacts(options.quick) };
  console.log(`\n${markdownOf(run)}`);
  if (options.json) await Deno.writeTextFile(options.json, jsonOf(run));
  const isFull = !options.quick && options.only === undefined;
  const tables = options.markdown ?? (isFull ? RESULTS : undefined);
  if (tables) await Deno.writeTextFile(tables, markdownOf(run));
  return results.failures.some(({ isPeer }) => !isPeer) ? 1 : 0;
}

/** The measures to run; nothing when one isn't known. */
function chosen(only: string | undefined): Measure[] | undefined {
  if (only === undefined) return [...MEASURES];
  const names = only.split(",");
  const found = MEASURES.filter(({ name }) => names.includes(name));
  return found.length === names.length ? found : undefined;
}

async function measureAll(measures: readonly Measure[], quick: boolean): Promise<Results> {
  const folder = await Deno.makeTempDir({ prefix: "channels-bench-" });
  try {
    await using redis = await RedisServer.start();
    const systems = await findSystems(redis, folder);
    const results = new Results();
    const bench: Bench = { systems, redis, plan: quick ? QUICK : FULL, results };
    for (const measure of measures) await runMeasure(measure, bench);
    return results;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function hasRedis(): Promise<boolean> {
  try {
    return (await new Deno.Command("redis-server", { args: ["--version"] }).output()).success;
  } catch {
    return false;
  }
}

async function runMeasure(measure: Measure, bench: Bench): Promise<void> {
  const start = performance.now();
  await measure.run(bench);
  console.log(`${measure.name}: took ${((performance.now() - start) / 1000).toFixed(1)} s`);
}
