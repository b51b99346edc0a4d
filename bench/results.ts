import { median } from "./statistics.ts";

/** What a number counts. */
export type Unit =
  | "events/s"
  | "messages/s"
  | "requests/s"
  | "ms"
  | "s"
  | "MB"
  | "kB"
  | "connections";

/** Something that is measured: one table of the report. */
export interface Metric {
  readonly id: string;
  readonly title: string;
  readonly unit: Unit;
  /**
   * What the last column says: `us` divides this library on Redis by the row, `first` divides the
   * row by the first one.
   */
  readonly ratio?: "us" | "first";
}

/** The values that were measured for one thing, one for each round. */
export interface Row {
  readonly label: string;
  readonly values: number[];
  readonly note: string | undefined;
}

/** A system that failed in a measure. */
export interface Failure {
  readonly system: string;
  readonly isPeer: boolean;
  readonly reason: string;
}

/** What was measured, and what failed. */
export class Results {
  readonly #rows = new Map<Metric, Map<string, Row>>();
  /** What could not be measured, and why. */
  readonly failures: Failure[] = [];

  /** The metrics in the order of their first values. */
  get metrics(): Metric[] {
    return [...this.#rows.keys()];
  }

  /** Adds a value to a row, which is made when it is new. */
  add(metric: Metric, label: string, value: number, note?: string): void {
    let rows = this.#rows.get(metric);
    if (!rows) this.#rows.set(metric, rows = new Map());
    const row = rows.get(label);
    if (row) row.values.push(value);
    else rows.set(label, { label, values: [value], note });
  }

  /** The rows of a metric, in the order of their first values. */
  rows(metric: Metric): Row[] {
    return [...this.#rows.get(metric)?.values() ?? []];
  }

  /** The median of a row, if there is one. */
  median(metric: Metric, label: string): number | undefined {
    const row = this.#rows.get(metric)?.get(label);
    return row && median(row.values);
  }

  /** The ratio in the last column of a row. */
  ratio(metric: Metric, row: Row): number | undefined {
    if (metric.ratio === "us") {
      const ours = this.median(metric, US);
      return ours === undefined ? undefined : ours / median(row.values);
    }
    const [first] = this.rows(metric);
    return metric.ratio && first && median(row.values) / median(first.values);
  }
}

/** The title of the system that the others are compared with. */
export const US = "this library, Redis";
