import { assertEquals } from "@std/assert";
import { REDIS_FAULTS } from "./redis_faults.ts";
import { SQLITE_FAULTS } from "./sqlite_faults.ts";
import { WORKER_FAULTS } from "./worker_faults.ts";

const PAGE = new URL("../../docs/reliability.md", import.meta.url);

const FAULTS = [...REDIS_FAULTS, ...SQLITE_FAULTS, ...WORKER_FAULTS];

/** What is lost by each fault, in the words of the tables; nothing in those that don't say. */
function lossesIn(page: string): Map<string, string> {
  const losses = new Map<string, string>();
  let column = -1;
  for (const line of page.split("\n")) {
    const cells = line.split("|").slice(1, -1).map((cell) => cell.trim());
    if (cells[0] === "fault") column = cells.indexOf("what is lost");
    else if (cells[0]) losses.set(cells[0], cells[column] ?? "nothing");
  }
  return losses;
}

const losses = lossesIn(await Deno.readTextFile(PAGE));

Deno.test("every fault of the chaos run is in the tables of docs/reliability.md", () => {
  assertEquals(FAULTS.map(({ row }) => row).filter((row) => !losses.has(row)), []);
});

Deno.test("a fault of the chaos run explains a loss only if its row in the tables allows one", () => {
  const tooGenerous = FAULTS.filter(({ row, mayLose }) => mayLose && losses.get(row) === "nothing");
  assertEquals(tooGenerous.map(({ name }) => name), []);
});
