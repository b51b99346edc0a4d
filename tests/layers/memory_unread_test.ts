import { assertGreater, assertLess } from "@std/assert";

const FIXTURE = new URL("../fixtures/layers/unread_in_memory.ts", import.meta.url).pathname;

Deno.test("MemoryChannelLayer: expired messages and memberships use no memory", async () => {
  // It isn't closed: the process ends nevertheless.
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "--v8-flags=--expose-gc", FIXTURE],
    stderr: "inherit",
  }).output();
  const [most = 0, left = 0] = new TextDecoder().decode(stdout).split(" ").map(Number);
  assertGreater(most, 20);
  assertLess(left, most / 4);
});
