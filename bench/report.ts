import type { Measure } from "./bench.ts";
import type { Metric, Results, Row } from "./results.ts";
import { median } from "./statistics.ts";
import { tableOf } from "./table.ts";
import { judge } from "./targets.ts";

/** One run of the bench. */
export interface Run {
  readonly results: Results;
  readonly measures: readonly Measure[];
  /** What it ran on, and when. */
  readonly facts: Readonly<Record<string, string>>;
}

/** The run in Markdown. */
export function markdownOf({ results, measures, facts }: Run): string {
  const parts = [
    Object.entries(facts).map(([name, fact]) => `${name}: ${fact}`).join(" · "),
    ...measures.map(({ name, definition }) => `- **${name}**: ${definition}`),
    ...results.metrics.map((metric) => `### ${metric.title}\n\n${tableFor(metric, results)}`),
    ...targets(results),
    ...results.failures.map(({ system, reason }) => `Failed: ${system}: ${reason.split("\n")[0]}`),
  ];
  return `${parts.join("\n\n")}\n`;
}

/** The run in JSON: every value. */
export function jsonOf({ results, measures, facts }: Run): string {
  const metrics = results.metrics.map((metric) => ({
    ...metric,
    rows: results.rows(metric).map((row) => ({
      ...row,
      median: median(row.values),
      ratio: results.ratio(metric, row),
    })),
  }));
  const definitions = Object.fromEntries(
    measures.map(({ name, definition }) => [name, definition]),
  );
  const { failures } = results;
  const all = { facts, definitions, metrics, targets: judge(results), failures };
  return `${JSON.stringify(all, null, 2)}\n`;
}

function tableFor(metric: Metric, results: Results): string {
  const rows = results.rows(metric);
  const hasNotes = rows.some(({ note }) => note !== undefined);
  const ratio = { us: "Redis / it", first: "it / first" };
  const head = [
    "",
    metric.unit,
    "min–max",
    ...metric.ratio ? [ratio[metric.ratio]] : [],
    ...hasNotes ? ["of"] : [],
  ];
  const line = (row: Row) => [
    row.label,
    format(median(row.values)),
    rangeOf(row.values),
    ...metric.ratio ? [results.ratio(metric, row)?.toPrecision(3) ?? ""] : [],
    ...hasNotes ? [row.note ?? ""] : [],
  ];
  return tableOf([head, ...rows.map(line)]);
}

function targets(results: Results): string[] {
  const verdicts = judge(results);
  if (verdicts.length === 0) return [];
  const rows = verdicts.map(({ what, against, target, measured, isReached }) => [
    what,
    against,
    target,
    measured,
    isReached ? "reached" : "not reached",
  ]);
  const head = ["our number / theirs", "against", "target", "measured", ""];
  return [`### Targets\n\n${tableOf([head, ...rows])}`];
}

/** The spread, where there is more than one value. */
function rangeOf(values: readonly number[]): string {
  if (values.length === 1) return "";
  return `${format(Math.min(...values))}–${format(Math.max(...values))}`;
}

/** Three digits that count, at least; thousands apart. */
function format(value: number): string {
  if (value >= 100 || Number.isInteger(value)) return Math.round(value).toLocaleString("en");
  return value.toPrecision(3);
}
