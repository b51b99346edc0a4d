import { tableOf } from "../../bench/table.ts";
import type { Result, RunOptions } from "./run.ts";
import { isSound, type Sheet } from "./sheet.ts";

/** How many ids are named where there may be thousands. */
const MOST_NAMED = 20;

/** The balance of a run, for a person. */
export function reportOf(
  layer: string,
  { seconds, seed }: Pick<RunOptions, "seconds" | "seed">,
  { sheet, accidents }: Result,
): string {
  const verdict = isSound(sheet) && accidents.length === 0 ? "sound" : "NOT SOUND";
  const parts = [
    `\n${layer}, seed ${seed}, ${seconds.toFixed(0)} s: ${verdict}`,
    tableOf([["events", "number"], ...linesOf(sheet)]),
    tableOf([["fault", "times", "events lost"], ...costsOf(sheet)]),
    named("Lost, and no fault explains it", sheet.unexplained),
    sheet.unexplained.length > 0 ? `Sent between ${spanOf(sheet)}` : "",
    named("Handled twice", sheet.twice),
    named("Handled, though they were not sent", sheet.phantoms),
    ...accidents.map((accident) => `Not planned: ${accident}`),
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

function linesOf(sheet: Sheet): string[][] {
  return [
    ["sent", `${sheet.sent}`],
    ["refused, because the channel was full", `${sheet.refused}`],
    ["not sent: the layer was not available", `${sheet.undone}`],
    ["perhaps sent: the layer was not available", `${sheet.uncertain}`],
    ["... of them handled", `${sheet.arrived}`],
    ["handled", `${sheet.handled}`],
    ["handled twice", `${sheet.twice.length}`],
    ["expired", `${sheet.expired}`],
    ["lost", `${sheet.lost}`],
    ["... of them unexplained", `${sheet.unexplained.length}`],
  ];
}

/** By the times that were printed when the faults began. */
function spanOf({ unexplainedAt }: Sheet): string {
  return unexplainedAt.map((at) => `${(at / 1_000).toFixed(1)} s`).join(" and ");
}

function costsOf({ costs }: Sheet): string[][] {
  return costs.map(({ kind, times, lost }) => [kind, `${times}`, `${lost}`])
    .sort(([one = ""], [other = ""]) => one < other ? -1 : 1);
}

function named(title: string, ids: readonly string[]): string {
  if (ids.length === 0) return "";
  const more = ids.length > MOST_NAMED ? `, and ${ids.length - MOST_NAMED} more` : "";
  return `${title}: ${ids.slice(0, MOST_NAMED).join(", ")}${more}`;
}
