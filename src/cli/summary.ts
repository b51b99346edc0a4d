import type { WorkerCounts } from "../worker/mod.ts";

/** Says in one line what a worker has done; what didn't happen isn't named, but for the basics. */
export function summaryOf(counts: WorkerCounts): string {
  const { received, handled, failed, dropped, handedBack, lost, outages } = counts;
  const parts = [
    `${received} received`,
    `${handled} handled`,
    `${failed} failed`,
    `${dropped} dropped${reasons(counts)}`,
  ];
  if (handedBack > 0) parts.push(`${handedBack} handed back`);
  if (lost > 0) parts.push(`${lost} lost`);
  if (outages > 0) parts.push(`layer away ${outages === 1 ? "once" : `${outages} times`}`);
  return parts.join(", ");
}

function reasons({ droppedBy }: WorkerCounts): string {
  const named = Object.entries(droppedBy)
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => `${count} ${reason}`);
  return named.length === 0 ? "" : ` (${named.join(", ")})`;
}
