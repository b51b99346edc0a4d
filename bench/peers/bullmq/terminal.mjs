import process from "node:process";
import { createInterface } from "node:readline";

/** Reports to the bench: one line of JSON. */
export const report = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

/** Does something for each line that the bench tells. */
export const onEachLine = (act) => createInterface({ input: process.stdin }).on("line", act);

/** Milliseconds since 1970, with fractions. */
export const now = () => performance.timeOrigin + performance.now();

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
