import { assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import { SqliteChannelLayer } from "@asgi/channels";
import { startProgram } from "../../helpers/program.ts";
import { temporaryFolder } from "../../helpers/temporary.ts";

const APP = new URL("../../fixtures/faulty_app.ts", import.meta.url).href;

Deno.test("1,000,000 unhandled rejections of one handler don't end the worker", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/events.sqlite3`;
  await using layer = new SqliteChannelLayer({ path });
  await layer.send("a", { type: "float", id: 1, count: 1_000_000 });
  await layer.send("a", { type: "record", id: 2 });
  const args = ["runworker", "a", "--burst", "--app", APP, "--layer", `sqlite:${path}`];
  await using worker = startProgram(args);
  assertEquals(await worker.end, 0);
  assertEquals(worker.stdout.all, ["1", "2"]);
  assertLess(worker.stderr.all.length, 10);
  assertStringIncludes(worker.stderr.all.at(-1) ?? "", "2 handled, 0 failed");
});
