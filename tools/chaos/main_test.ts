import { assertEquals, assertStringIncludes } from "@std/assert";
import { schedule } from "./fault.ts";
import { Random } from "./random.ts";

const MAIN = new URL("main.ts", import.meta.url).pathname;

/** A run that is over before the first fault. */
const CALM = ["--layer", "sqlite", "--seconds", "1"];

async function chaos(...args: readonly string[]): Promise<{ code: number; printed: string }> {
  const command = { args: ["run", "-A", "--quiet", MAIN, ...args] };
  const { code, stdout } = await new Deno.Command(Deno.execPath(), command).output();
  return { code, printed: new TextDecoder().decode(stdout) };
}

Deno.test("a chaos run leaves with 1 when an event is lost without a reason, or handled twice", async () => {
  const { code, printed } = await chaos(...CALM, "--plant", "lose:s0-10,repeat:s0-11");
  assertStringIncludes(printed, "Lost, and no fault explains it: s0-10\n");
  assertStringIncludes(printed, "Handled twice: s0-11\n");
  assertEquals(code, 1);
});

Deno.test("a chaos run leaves with 1 when a worker ends by itself", async () => {
  const { code, printed } = await chaos(...CALM, "--plant", "exit:s0-10");
  assertStringIncludes(printed, "Not planned: worker");
  assertEquals(code, 1);
});

Deno.test("a chaos run says how it is used, and leaves with 2", async () => {
  for (const args of [["--layer", "paper"], ["--seconds", "x"], ["--seed", "1.5"], ["--often"]]) {
    const { code, printed } = await chaos(...args);
    assertStringIncludes(printed, "Usage: deno task chaos");
    assertEquals(code, 2);
  }
});

Deno.test("the same seed gives the same schedule, and another seed another", () => {
  const faults = Array.from({ length: 20 }, (_, number) => number);
  const first = (seed: number) => schedule(faults, new Random(seed)).take(60).toArray();
  assertEquals(first(1), first(1));
  assertEquals(JSON.stringify(first(1)) === JSON.stringify(first(2)), false);
});

Deno.test("a schedule has every fault before one comes again", () => {
  const faults = Array.from({ length: 20 }, (_, number) => number);
  const round = schedule(faults, new Random(1)).take(20).toArray();
  assertEquals(round.toSorted((one, other) => one - other), faults);
});
