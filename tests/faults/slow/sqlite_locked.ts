import { assertEquals } from "@std/assert";
import { sendWhileLocked } from "../locked_file.ts";

Deno.test("SQLite locked for 10 s: everybody waits, nothing is lost and nothing said", async () => {
  await sendWhileLocked(async () => {
    let longestTurn = 0;
    for (let now = performance.now(), end = now + 10_000; now < end;) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      longestTurn = Math.max(longestTurn, performance.now() - now);
      now = performance.now();
    }
    assertEquals(longestTurn < 500, true, `The event loop stood still for ${longestTurn} ms`);
  });
});
