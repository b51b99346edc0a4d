import { assert, assertEquals } from "@std/assert";
import { type Program, startProgram, watch } from "./helpers/program.ts";
import { temporaryFolder } from "./helpers/temporary.ts";

const ROOT = new URL("../", import.meta.url).pathname;
const README = await Deno.readTextFile(`${ROOT}README.md`);

/** Returns the block that follows the name of a file. */
function blockOf(file: string): string {
  const [, block] = new RegExp(`\`${file}\`.*?\`\`\`ts\n(.*?)\`\`\``, "s").exec(README) ?? [];
  assert(block, `README.md has no ${file}`);
  return block;
}

/** Starts the README's server on a free port. */
async function startServer(folder: string): Promise<{ server: Program; url: string }> {
  const served = "Deno.serve(respond)";
  const code = blockOf("server.ts");
  assert(code.includes(served));
  const path = `${folder}/server.ts`;
  await Deno.writeTextFile(path, code.replace(served, "Deno.serve({ port: 0 }, respond)"));
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--config", `${ROOT}deno.json`, path],
    cwd: folder,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const server = watch(process.spawn());
  const line = await Promise.any(
    [server.stdout, server.stderr].map((l) => l.until("Listening on")),
  );
  return { server, url: `http://localhost:${/:(\d+)\//.exec(line)![1]}` };
}

async function post(url: string, body: string): Promise<number> {
  const response = await fetch(url, { method: "POST", body });
  await response.body?.cancel();
  return response.status;
}

Deno.test("README.md's server sends what its worker prints, and is busy when none runs", async () => {
  await using folder = await temporaryFolder();
  const cwd = folder.path;
  await Deno.writeTextFile(`${cwd}/app.ts`, blockOf("app.ts"));
  const { server, url } = await startServer(cwd);
  await using _ = server;
  {
    await using worker = startProgram(["runworker", "print"], { cwd });
    await worker.stderr.until("Listening on print");
    assertEquals(await post(url, "Hello"), 202);
    await worker.stdout.until("Test: Hello");
    worker.kill("SIGTERM");
    assertEquals(await worker.end, 0);
  }
  const statuses = [];
  for (let n = 0; n < 101; n++) statuses.push(await post(url, "Hello"));
  assertEquals(statuses.filter((status) => status === 202).length, 100);
  assertEquals(statuses.at(-1), 503);
});
