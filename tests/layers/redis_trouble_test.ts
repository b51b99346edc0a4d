import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { LayerConfigurationError, LayerUnavailableError, RedisChannelLayer } from "@asgi/channels";
import { type RedisServer, startRedis, testWithRedis } from "../helpers/redis_server.ts";
import { temporaryFolder } from "../helpers/temporary.ts";

const EVENT = { type: "test.event", n: 1 };

/** Waits until some client is blocked by its command. */
async function untilSomebodyWaits(server: RedisServer): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await server.cli("CLIENT", "LIST")).includes("cmd=bzpopmin")) {
    assert(Date.now() < deadline, "Nobody waits");
  }
}

/** A port of this machine on which nothing listens. */
function freePort(): number {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  return listener.addr.port;
}

testWithRedis("RedisChannelLayer: trouble with the server", () => {
  Deno.test("RedisChannelLayer: send() goes on when the server forgot its scripts", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url });
    for (let times = 0; times < 3; times++) {
      await layer.send("letters", EVENT);
      await server.cli("SCRIPT", "FLUSH");
      assertEquals(await layer.receive("letters"), EVENT);
    }
  });

  Deno.test("RedisChannelLayer: receive() tells of a lost connection, and works afterwards", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url });
    const waiting = [layer.receive("letters"), layer.receive(layer.newChannel())]
      .map((promise) => assertRejects(() => promise, LayerUnavailableError));
    await untilSomebodyWaits(server);
    await server.cli("CLIENT", "KILL", "TYPE", "normal");
    await Promise.all(waiting);
    // The connection that sends was killed as well, which it may not know yet.
    await layer.send("letters", EVENT).catch(() => layer.send("letters", EVENT));
    assertEquals(await layer.receive("letters"), EVENT);
  });

  Deno.test("RedisChannelLayer: every method tells that the server has gone", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url });
    const waiting = assertRejects(() => layer.receive("letters"), LayerUnavailableError);
    await layer.send("others", EVENT);
    await untilSomebodyWaits(server);
    await server.stop();
    await waiting;
    const error = await assertRejects(() => layer.send("letters", EVENT), LayerUnavailableError);
    assertEquals(error.layer, server.url);
    await assertRejects(() => layer.receive("letters"), LayerUnavailableError);
    await assertRejects(() => layer.groupSend("readers", EVENT), LayerUnavailableError);
    await assertRejects(() => layer.flush(), LayerUnavailableError);
  });

  Deno.test("RedisChannelLayer: it works again when the server is back", async () => {
    await using folder = await temporaryFolder();
    const socket = `${folder.path}/redis.sock`;
    await using layer = new RedisChannelLayer({ url: `unix://${socket}` });
    await assertRejects(
      () => layer.send("letters", EVENT),
      LayerUnavailableError,
      "the socket does not exist",
    );
    for (let times = 0; times < 2; times++) {
      await using _server = await startRedis([], socket);
      const waiting = layer.receive("letters");
      await layer.send("letters", EVENT);
      assertEquals(await waiting, EVENT);
    }
  });

  Deno.test("RedisChannelLayer: nothing that listens is told at once, without the password", async () => {
    const url = `redis://ann:secret@127.0.0.1:${freePort()}`;
    await using layer = new RedisChannelLayer({ url });
    for (const call of [() => layer.send("letters", EVENT), () => layer.receive("letters")]) {
      const error = await assertRejects(call, LayerUnavailableError, "connection refused");
      assertStringIncludes(error.message, "redis://ann:***@127.0.0.1");
      assert(!Deno.inspect(error, { depth: 9 }).includes("secret"), "The password is shown");
    }
    assert(!String(layer).includes("secret"));
  });

  Deno.test("RedisChannelLayer: a wrong or missing password makes it unusable", async () => {
    const port = freePort();
    await using _server = await startRedis(["--port", `${port}`, "--requirepass", "right"]);
    const cases = [
      ["redis://:wrong@", "wrong username or password"],
      ["redis://nobody:wrong@", "wrong username or password"],
      ["redis://", "requires a password"],
    ];
    for (const [start, reason] of cases) {
      await using layer = new RedisChannelLayer({ url: `${start}127.0.0.1:${port}` });
      const error = await assertRejects(
        () => layer.send("letters", EVENT),
        LayerConfigurationError,
        reason,
      );
      assert(!Deno.inspect(error, { depth: 9 }).includes("wrong@"), "The password is shown");
    }
    await using layer = new RedisChannelLayer({ url: `redis://:right@127.0.0.1:${port}` });
    await layer.send("letters", EVENT);
    assertEquals(await layer.receive("letters"), EVENT);
  });

  Deno.test("RedisChannelLayer: a user without the rights makes it unusable", async () => {
    const port = freePort();
    await using server = await startRedis(["--port", `${port}`]);
    await server.cli("ACL", "SETUSER", "ann", "on", ">secret", "+@connection");
    await using layer = new RedisChannelLayer({ url: `redis://ann:secret@127.0.0.1:${port}` });
    await assertRejects(
      () => layer.send("letters", EVENT),
      LayerConfigurationError,
      "access rules",
    );
  });

  Deno.test("RedisChannelLayer: a database that doesn't exist makes it unusable", async () => {
    const port = freePort();
    await using _server = await startRedis(["--port", `${port}`]);
    await using layer = new RedisChannelLayer({ url: `redis://127.0.0.1:${port}/99` });
    await assertRejects(
      () => layer.send("letters", EVENT),
      LayerConfigurationError,
      "no database with this number",
    );
  });

  Deno.test("RedisChannelLayer: databases are kept apart", async () => {
    const port = freePort();
    await using _server = await startRedis(["--port", `${port}`]);
    await using one = new RedisChannelLayer({ url: `redis://127.0.0.1:${port}/1` });
    await using two = new RedisChannelLayer({ url: `redis://127.0.0.1:${port}/2` });
    await one.send("letters", EVENT);
    assertEquals(await two.receiveMany("letters", { limit: 1, wait: false }), []);
    assertEquals(await one.receive("letters"), EVENT);
  });

  Deno.test("RedisChannelLayer: a server whose memory is full is unavailable", async () => {
    await using server = await startRedis(["--maxmemory", "1mb"]);
    await using layer = new RedisChannelLayer({ url: server.url });
    const large = { ...EVENT, bytes: new Uint8Array(500_000) };
    const sending = async () => {
      for (;;) await layer.send("letters", large);
    };
    await assertRejects(sending, LayerUnavailableError, "out of memory");
  });

  Deno.test("RedisChannelLayer: a send() that is aborted before it leaves leaves nothing behind", async () => {
    await using server = await startRedis();
    const layer = new RedisChannelLayer({ url: server.url });
    const control = new AbortController();
    const sending = layer.send("letters", EVENT, {
      waitForCapacity: true,
      signal: control.signal,
    });
    control.abort(new Error("no longer wanted"));
    await assertRejects(() => sending, Error, "no longer wanted");
    await layer.close();
    assertEquals(await server.cli("KEYS", "*"), "");
  });
});
