import { assert } from "@std/assert";
import { startWorkerProcess } from "../helpers/program.ts";
import { temporaryFolder } from "../helpers/temporary.ts";

Deno.test("runworker listens within 300 ms of its start", async () => {
  await using folder = await temporaryFolder();
  const durations: number[] = [];
  // Other load only adds to it: three fast starts prove more than any slow one.
  const areQuick = () => durations.filter((duration) => duration < 300).length >= 3;
  while (!areQuick() && durations.length < 20) {
    const start = performance.now();
    await using worker = await startWorkerProcess([
      "a",
      "--layer",
      `sqlite:${folder.path}/a.sqlite3`,
    ]);
    durations.push(performance.now() - start);
    worker.kill("SIGTERM");
    await worker.end;
  }
  assert(areQuick(), durations.map(Math.round).join(" "));
});
