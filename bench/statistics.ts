/** The value that a share of the values doesn't exceed: 0.5 for the median. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const [below, above] = [Math.floor(at), Math.ceil(at)].map((index) => sorted[index] ?? NaN);
  return below! + (above! - below!) * (at % 1);
}

/** The value in the middle. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}
