import { assertEquals } from "@std/assert";
import { Tally } from "../helpers/events.ts";
import { connectRaw } from "../helpers/raw_client.ts";
import { startHttp } from "../helpers/server.ts";

const MIB = 1_048_576;

Deno.test("http.response.pathsend sends a file", async () => {
  const path = new URL(import.meta.url).pathname;
  await using server = await startHttp(async (_scope, _receive, send) => {
    await send({ type: "http.response.start", status: 200, headers: [["content-type", "text/x"]] });
    await send({ type: "http.response.pathsend", path });
  });
  const response = await fetch(`http://${server.host}/`);
  assertEquals(response.headers.get("content-type"), "text/x");
  assertEquals(await response.text(), await Deno.readTextFile(path));
});

Deno.test("http.response.pathsend of a file that does not exist causes a 500 without its path", async () => {
  await using server = await startHttp(async (_scope, _receive, send) => {
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.pathsend", path: "/no/such/file" });
  });
  const response = await fetch(`http://${server.host}/`);
  assertEquals([response.status, await response.text()], [500, "Internal Server Error\n"]);
  assertEquals(server.log.items.length, 1);
});

Deno.test("http.response.pathsend closes its file when the client disconnects, or asks for HEAD", async () => {
  const path = await Deno.makeTempFile();
  await Deno.truncate(path, 64 * MIB);
  const ended = new Tally<string>();
  const sent: string[] = [];
  await using server = await startHttp(async ({ method }, _receive, send) => {
    await send({ type: "http.response.start", status: 200 });
    try {
      await send({ type: "http.response.pathsend", path });
      sent.push(method);
    } finally {
      ended.add(method);
    }
  });
  using client = await connectRaw(server.port);
  await client.write(`GET / HTTP/1.1\r\nhost: ${server.host}\r\n\r\n`);
  await client.readUntil("\r\n\r\n");
  client.close();
  await ended.reach(1);
  assertEquals((await fetch(`http://${server.host}/`, { method: "HEAD" })).status, 200);
  await ended.reach(2);
  // The sanitizer of resources finds a file that is still open.
  await server.stop();
  assertEquals(server.log.items, []);
  assertEquals(sent, ["HEAD"]);
  await Deno.remove(path);
});
