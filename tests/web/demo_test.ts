import { assertEquals } from "@std/assert";
import { freePort } from "../helpers/network.ts";
import { startCommand } from "../helpers/program.ts";
import { temporaryFolder } from "../helpers/temporary.ts";

const DEMO = new URL("../../examples/gallery/demo.ts", import.meta.url).href;

/** Starts the demo as the leader of a process group, in a folder of its own. */
function startDemo(cwd: string, ...ports: readonly number[]) {
  const command = [Deno.execPath(), "run", "-A", "--quiet", DEMO, ...ports.map(String)];
  return startCommand(command, { cwd, shell: 'exec setsid "$@"' });
}

Deno.test("demo:web serves the page on two ports until Ctrl-C", async () => {
  await using folder = await temporaryFolder();
  const ports = [freePort(), freePort()];
  await using demo = startDemo(folder.path, ...ports);
  await demo.stdout.until("Open http://localhost:");
  for (const port of ports) {
    const response = await fetch(`http://localhost:${port}`);
    assertEquals(response.headers.get("content-type"), "text/html");
    await response.body?.cancel();
  }
  // A terminal signals the whole process group.
  Deno.kill(-demo.pid, "SIGINT");
  assertEquals(await demo.end, 0, demo.stderr.all.join("\n"));
});

Deno.test("demo:web exits with an error if a port is in use", async () => {
  await using folder = await temporaryFolder();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using demo = startDemo(folder.path, freePort(), listener.addr.port);
  assertEquals(await demo.end, 1);
});
