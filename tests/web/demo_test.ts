import { assertEquals } from "@std/assert";
import { freePort } from "../helpers/network.ts";
import { type Program, startCommand } from "../helpers/program.ts";
import { temporaryFolder } from "../helpers/temporary.ts";

const DEMO = new URL("../../examples/gallery/demo.ts", import.meta.url).href;

/** Starts the demo as the leader of a process group, which is killed at the end of the test. */
function startDemo(cwd: string, ...ports: readonly number[]): Program {
  const command = [Deno.execPath(), "run", "-A", "--quiet", DEMO, ...ports.map(String)];
  const demo = startCommand(command, { cwd, shell: 'exec setsid "$@"' });
  const dispose = async () => {
    signalGroup(demo, "SIGKILL");
    await demo.end;
  };
  return { ...demo, [Symbol.asyncDispose]: dispose };
}

/** Sends a signal to all processes of a group, as a terminal does. */
function signalGroup({ pid }: Program, signal: Deno.Signal): void {
  try {
    Deno.kill(-pid, signal);
  } catch (error) {
    // All of them have ended already.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
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
  signalGroup(demo, "SIGINT");
  assertEquals(await demo.end, 0, demo.stderr.all.join("\n"));
});

Deno.test("demo:web exits with an error if a port is in use", async () => {
  await using folder = await temporaryFolder();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using demo = startDemo(folder.path, freePort(), listener.addr.port);
  assertEquals(await demo.end, 1);
});
