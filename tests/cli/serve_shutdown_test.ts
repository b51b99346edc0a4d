import { assertEquals, assertLessOrEqual, assertMatch, assertStringIncludes } from "@std/assert";
import { range, remaining, Tally, withIds } from "../helpers/events.ts";
import { openSqliteLayer } from "../helpers/layers.ts";
import { signalUntilExit } from "../helpers/program.ts";
import type { TestSocket } from "../helpers/server.ts";
import { connectSocket, fetchPath, type SiteProcess, startSiteProcess } from "../helpers/site.ts";

Deno.test("serve lets running requests finish, and closes WebSockets with 1012 meanwhile", async () => {
  await using site = await startSiteProcess(["--layer", "memory:"]);
  await using client = await connectSocket(site);
  const response = fetchPath(site, "/slow?2000");
  await site.stdout.until("/slow");
  site.kill("SIGTERM");
  assertEquals((await client.closed).code, 1012);
  assertEquals(await response, [200, "/slow"]);
  assertEquals(await site.end, 0);
  assertMatch(
    site.stderr.all.join("\n"),
    /info +Stopping: requests have 25 s; a second signal exits immediately\n/,
  );
});

Deno.test("serve stops on SIGINT", async () => {
  await using site = await startSiteProcess(["--layer", "memory:"]);
  site.kill("SIGINT");
  assertEquals(await site.end, 0);
});

Deno.test("serve exits with status 1 on the second signal, and names what is interrupted", async () => {
  await using opened = await openSqliteLayer();
  await using site = await startSiteProcess(["--layer", opened.url, "--work", "a"]);
  await opened.layer.sendMany("a", withIds(2, { type: "hang" }));
  const response = fetchPath(site, "/hang").catch(() => "interrupted");
  await Promise.all([site.stdout.until("/hang"), site.stdout.until("0")]);
  await signalUntilExit(site, "SIGTERM");
  assertEquals([await site.end, await response], [1, "interrupted"]);
  const log = site.stderr.all.join("\n");
  assertStringIncludes(log, "Stopping: requests and handlers have 25 s");
  assertStringIncludes(log, 'Exited on the second signal; interrupted: "GET /hang", a/hang');
  assertEquals(await remaining(opened.layer, "a"), [{ type: "hang", id: 1 }]);
});

Deno.test("serve exits with status 1 after --shutdown-timeout, and names what is interrupted", async () => {
  await using opened = await openSqliteLayer();
  const args = ["--layer", opened.url, "--work", "a", "--shutdown-timeout", "0.2"];
  await using site = await startSiteProcess(args);
  await opened.layer.send("a", { type: "hang", id: 7 });
  const response = fetchPath(site, "/hang").catch(() => "interrupted");
  await Promise.all([site.stdout.until("/hang"), site.stdout.until("7")]);
  site.kill("SIGTERM");
  assertEquals([await site.end, await response], [1, "interrupted"]);
  assertStringIncludes(
    site.stderr.all.join("\n"),
    'Handlers still running after 200 ms were interrupted: a/hang, "GET /hang"',
  );
});

Deno.test("serve names the handler alone if only the worker exceeds --shutdown-timeout", async () => {
  await using opened = await openSqliteLayer();
  const args = ["--layer", opened.url, "--work", "a", "--shutdown-timeout", "0.2"];
  await using site = await startSiteProcess(args);
  await opened.layer.send("a", { type: "hang", id: 7 });
  await site.stdout.until("7");
  site.kill("SIGTERM");
  assertEquals(await site.end, 1);
  const errors = site.stderr.all.filter((line) => line.includes(" error "));
  assertEquals(errors.length, 1, errors.join("\n"));
  assertMatch(errors[0] ?? "", /still running after 200 ms were interrupted: a\/hang$/);
});

Deno.test("serve ends the lifespan of the app after the handlers of its worker", async () => {
  await using opened = await openSqliteLayer();
  await using site = await startSiteProcess(["--layer", opened.url, "--work", "a"]);
  await opened.layer.send("a", { type: "record.twice", id: 3, duration: 1_500 });
  await site.stdout.until("3");
  site.kill("SIGTERM");
  assertEquals(await site.end, 0);
  assertEquals(site.stdout.all, ["startup", "3", "3", "shutdown"]);
});

/** Sends a message again for each reply, until the WebSocket is closed. */
function keepSending({ socket }: TestSocket): void {
  socket.onmessage = () => {
    if (socket.readyState === WebSocket.OPEN) socket.send("again");
  };
  socket.send("first");
}

/** Sends events, one request after the other, until the server no longer responds. */
async function keepRequesting(site: SiteProcess, statuses: Tally<number>): Promise<void> {
  for (let id = 1000;; id++) {
    const response = await fetchPath(site, `/enqueue?${id}`).catch(() => undefined);
    if (!response) return;
    statuses.add(response[0]);
  }
}

for (const work of [[], ["--work", "a", "-c", "4"]]) {
  const name = work.length > 0 ? "with --work" : "without --work";
  Deno.test(`serve under load ${name} closes all clients with 1012 on SIGTERM, and loses no event`, async () => {
    await using opened = await openSqliteLayer({ capacity: 100_000 });
    await opened.layer.sendMany("a", withIds(1000, { type: "record.slowly", duration: 20 }));
    const layer = `${opened.url}?capacity=100000`;
    await using site = await startSiteProcess(["--layer", layer, ...work]);
    await using stack = new AsyncDisposableStack();
    const clients = await Promise.all(range(100).map(() => connectSocket(site)));
    for (const client of clients) keepSending(stack.use(client));
    const statuses = new Tally<number>();
    const requesting = keepRequesting(site, statuses);
    await Promise.all([statuses.reach(20), site.stdout.count(work.length > 0 ? 20 : 1)]);
    site.kill("SIGTERM");
    const codes = await Promise.all(clients.map(async ({ closed }) => (await closed).code));
    assertEquals(codes, clients.map(() => 1012));
    assertEquals(await site.end, 0, site.stderr.all.join("\n"));
    await requesting;
    const accepted = 1000 + statuses.items.filter((status) => status === 200).length;
    assertEquals(statuses.items.filter((status) => status !== 200 && status !== 503), []);
    const handled = site.stdout.all.filter((line) => /^\d+$/.test(line)).map(Number);
    const left = (await remaining(opened.layer, "a")).map(({ id }) => id as number);
    const all = [...handled, ...left].sort((one, other) => one - other);
    // The last event may have been sent by a request whose response is missing.
    assertEquals(all.slice(0, accepted), range(accepted));
    assertLessOrEqual(all.length, accepted + 1);
  });
}
