import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { LayerConfigurationError, LayerUnavailableError, RedisChannelLayer } from "@asgi/channels";
import { startRedis, testWithRedis, untilBlocked } from "../helpers/redis.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { freePort } from "../helpers/network.ts";

const EVENT = { type: "test.event", n: 1 };

testWithRedis("RedisChannelLayer: failures of the server", () => {
  Deno.test("RedisChannelLayer: send() works after the server has flushed its scripts", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url });
    for (let times = 0; times < 3; times++) {
      await layer.send("letters", EVENT);
      await server.cli("SCRIPT", "FLUSH");
      assertEquals(await layer.receive("letters"), EVENT);
    }
  });

  Deno.test("RedisChannelLayer: receive() rejects when the connection is lost, and works afterwards", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url });
    const waiting = [layer.receive("letters"), layer.receive(layer.newChannel())]
      .map((promise) => assertRejects(() => promise, LayerUnavailableError));
    await untilBlocked(server);
    await server.cli("CLIENT", "KILL", "TYPE", "normal");
    await Promise.all(waiting);
    // The connection that sends was killed as well, which it may not know yet.
    await layer.send("letters", EVENT).catch(() => layer.send("letters", EVENT));
    assertEquals(await layer.receive("letters"), EVENT);
  });

  Deno.test("RedisChannelLayer: every method rejects when the server has stopped", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url });
    const waiting = assertRejects(() => layer.receive("letters"), LayerUnavailableError);
    await layer.send("others", EVENT);
    await untilBlocked(server);
    await server.stop();
    await waiting;
    const error = await assertRejects(() => layer.send("letters", EVENT), LayerUnavailableError);
    assertEquals(error.layer, server.url);
    await assertRejects(() => layer.receive("letters"), LayerUnavailableError);
    await assertRejects(() => layer.groupSend("readers", EVENT), LayerUnavailableError);
    await assertRejects(() => layer.flush(), LayerUnavailableError);
  });

  Deno.test("RedisChannelLayer: it works again when the server has restarted", async () => {
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

  Deno.test("RedisChannelLayer: a refused connection is reported immediately, without the password", async () => {
    const url = `redis://ann:secret@127.0.0.1:${freePort()}`;
    await using layer = new RedisChannelLayer({ url });
    for (const call of [() => layer.send("letters", EVENT), () => layer.receive("letters")]) {
      const error = await assertRejects(call, LayerUnavailableError, "connection refused");
      assertStringIncludes(error.message, "redis://ann:***@127.0.0.1");
      assert(!Deno.inspect(error, { depth: 9 }).includes("secret"), "The password is shown");
    }
    assert(!String(layer).includes("secret"));
  });

  Deno.test("RedisChannelLayer: a wrong or missing password is a LayerConfigurationError", async () => {
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

  Deno.test("RedisChannelLayer: a user without the rights is a LayerConfigurationError", async () => {
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

  Deno.test("RedisChannelLayer: a database that doesn't exist is a LayerConfigurationError", async () => {
    const port = freePort();
    await using _server = await startRedis(["--port", `${port}`]);
    await using layer = new RedisChannelLayer({ url: `redis://127.0.0.1:${port}/99` });
    await assertRejects(
      () => layer.send("letters", EVENT),
      LayerConfigurationError,
      "no database with this number",
    );
  });

  Deno.test("RedisChannelLayer: databases are separate", async () => {
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

  Deno.test("RedisChannelLayer: a send() that is aborted in the send buffer sends nothing", async () => {
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
