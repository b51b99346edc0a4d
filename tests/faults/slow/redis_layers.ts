import { assertEquals, assertLess } from "@std/assert";
import { type RedisServer, startRedis, testWithRedis } from "../../helpers/redis.ts";
import { startScript } from "../../helpers/program.ts";

const PROGRAM = new URL("../../fixtures/layers/open_and_close.ts", import.meta.url).pathname;

/** How many connections the server has, besides the one that asks. */
async function connections(server: RedisServer): Promise<number> {
  const info = await server.cli("INFO", "clients");
  return Number(/connected_clients:(\d+)/.exec(info)?.[1]) - 1;
}

testWithRedis("10,000 layers", () => {
  Deno.test("10,000 opened and closed layers leave no connection and no memory, and the process ends", async () => {
    await using server = await startRedis();
    const permissions = ["-A", "--v8-flags=--expose-gc"];
    await using program = startScript(PROGRAM, [server.url, "10000"], { permissions });
    let most = 0;
    const counting = setInterval(async () => most = Math.max(most, await connections(server)), 500);
    assertEquals(await program.end, 0, program.stderr.all.join("\n"));
    clearInterval(counting);
    const [, early = 0, ...heaps] = program.stdout.all.map(Number);
    assertLess(most, 20);
    assertLess(heaps.at(-1)! - early, 2e6, `The heap grows: ${early}, ${heaps.join()}`);
  });
});
