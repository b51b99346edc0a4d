import { assertGreater, assertLess } from "@std/assert";
import { startScript } from "../helpers/program.ts";

const FIXTURE = new URL("../fixtures/layers/unread_in_memory.ts", import.meta.url).pathname;

Deno.test("MemoryChannelLayer: expired messages and memberships use no memory", async () => {
  // It isn't closed: the process ends nevertheless.
  await using program = startScript(FIXTURE, [], { permissions: ["-A", "--v8-flags=--expose-gc"] });
  await program.end;
  const [most = 0, left = 0] = program.stdout.all.join("").split(" ").map(Number);
  assertGreater(most, 20);
  assertLess(left, most / 4);
});
