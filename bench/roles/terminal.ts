import { linesIn } from "../../tests/helpers/program.ts";

const encoder = new TextEncoder();

/** Reports to the bench: one line of JSON. */
export function report(what: object): void {
  const line = encoder.encode(`${JSON.stringify(what)}\n`);
  for (let written = 0; written < line.length;) {
    written += Deno.stdout.writeSync(line.subarray(written));
  }
}

/** Does something for each line that the bench tells. */
export async function onEachLine(act: (line: string) => void | Promise<void>): Promise<void> {
  for await (const line of linesIn(Deno.stdin.readable)) await act(line);
}
