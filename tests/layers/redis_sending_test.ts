import { assert, assertEquals, assertRejects } from "@std/assert";
import { LayerUnavailableError, RedisChannelLayer, SendTimeoutError } from "@asgi/channels";
import { type RedisServer, startRedis, testWithRedis } from "../helpers/redis_server.ts";

const EVENT = { type: "test.event", n: 1 };

/** Stops a server in its tracks: it takes what comes, and answers nothing. */
async function freeze(server: RedisServer): Promise<AsyncDisposable> {
  const pid = Number(/process_id:(\d+)/.exec(await server.cli("INFO", "server"))?.[1]);
  Deno.kill(pid, "SIGSTOP");
  return {
    [Symbol.asyncDispose]: () => {
      Deno.kill(pid, "SIGCONT");
      return Promise.resolve();
    },
  };
}

testWithRedis("RedisChannelLayer: what a sender is told", () => {
  Deno.test("RedisChannelLayer: send() says that nothing was sent when nobody is there", async () => {
    const server = await startRedis();
    await server[Symbol.asyncDispose]();
    await using layer = new RedisChannelLayer({ url: server.url });
    const error = await assertRejects(
      () => layer.send("letters", EVENT),
      LayerUnavailableError,
      "what was to be sent was not sent",
    );
    assert(!error.mayBeDone);
  });

  Deno.test("RedisChannelLayer: send() gives a frozen server the time it was given", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url });
    await layer.send("letters", EVENT);
    await using _frozen = await freeze(server);
    const start = performance.now();
    const sending = layer.send("letters", EVENT, { timeout: 200 });
    const behind = layer.send("letters", EVENT, { timeout: 200 });
    const error = await assertRejects(() => sending, SendTimeoutError, "may arrive all the same");
    assert(error.mayBeDone);
    await assertRejects(() => behind, SendTimeoutError);
    assert(performance.now() - start < 3_000);
  });

  Deno.test("RedisChannelLayer: send() that waits behind a frozen one never left", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url });
    await layer.send("letters", EVENT);
    await using _frozen = await freeze(server);
    const sending = assertRejects(() => layer.send("letters", EVENT), LayerUnavailableError);
    await new Promise((resolve) => setTimeout(resolve));
    const error = await assertRejects(
      () => layer.send("letters", EVENT, { timeout: 50 }),
      SendTimeoutError,
      "never left",
    );
    assert(!error.mayBeDone);
    await layer.close().catch(() => {});
    await sending;
  });

  Deno.test("RedisChannelLayer: send() holds no more for a frozen server than 128 MiB", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url });
    await layer.send("letters", EVENT);
    await using _frozen = await freeze(server);
    const text = "x".repeat(1_000_000);
    const signal = AbortSignal.timeout(2_000);
    const sending = Array.from(
      { length: 140 },
      () => layer.send("letters", { ...EVENT, text }, { signal }),
    );
    const results = await Promise.allSettled(sending);
    const refused = results.filter((result) =>
      result.status === "rejected" && result.reason instanceof LayerUnavailableError
    );
    assertEquals(refused.length, 140 - 135);
  });
});
