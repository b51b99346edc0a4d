import { assertLess } from "@std/assert";
import { run, say } from "../helpers/program.ts";

const PROGRAM = new URL("../fixtures/threads/event_delay.ts", import.meta.url).href;

/** How often to measure before it counts as a failure: other programs may want the CPU as well. */
const ROUNDS = 3;

/** The 99th percentile of the delays, in a process of its own, in milliseconds. */
async function delay(burner: "burning" | "idle"): Promise<number> {
  return Number(await run(Deno.execPath(), ["run", "-A", PROGRAM, burner]));
}

Deno.test("while a SyncConsumer burns CPU, an AsyncConsumer of the same worker is not delayed", async () => {
  for (let round = 1;; round++) {
    // At the same time, a process that does nothing else shows how busy the machine is.
    const [measured, idle] = await Promise.all([delay("burning"), delay("idle")]);
    const limit = Math.max(15, idle * 1.5);
    if (measured < limit) return;
    say(`round ${round}: ${measured.toFixed(1)} ms; without burning ${idle.toFixed(1)} ms`);
    if (round === ROUNDS) return assertLess(measured, limit);
  }
});
