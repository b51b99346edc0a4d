import { assertEquals, assertMatch } from "@std/assert";
import { startProgram } from "../helpers/program.ts";
import { startRedis, testWithRedis } from "../helpers/redis.ts";
import { temporaryFolder } from "../helpers/temporary.ts";

const LIBRARY = new URL("../../mod.ts", import.meta.url).href;

testWithRedis("Warnings of layers", () => {
  Deno.test("runworker logs the warnings of layers", async () => {
    await using folder = await temporaryFolder();
    await using redis = await startRedis();
    const hosts = [redis.url, `unix://${folder.path}/nobody.sock`];
    const app = `${folder.path}/app.ts`;
    await Deno.writeTextFile(
      app,
      `import { configureChannelLayers, RedisChannelLayer } from "${LIBRARY}";
       configureChannelLayers({ default: new RedisChannelLayer(${JSON.stringify({ hosts })}) });
       export default async (_scope, receive) => { for (;;) await receive(); };`,
    );
    const args = ["runworker", "letters", "--app", app, "--log-format", "json"];
    await using worker = startProgram(args);
    await worker.stderr.until("Lost");
    worker.kill("SIGTERM");
    assertEquals(await worker.end, 0);
    const entries = worker.stderr.all.map((line) => JSON.parse(line));
    const warnings = entries.filter(({ level }) => level === "warn");
    assertEquals(warnings.length, 1);
    assertMatch(
      warnings[0].message,
      /^Lost connection to unix:.*nobody\.sock \(the socket does not exist\); continuing with the remaining hosts/,
    );
  });
});
