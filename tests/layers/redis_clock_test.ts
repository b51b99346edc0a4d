import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  ChannelFullError,
  type Delivery,
  RedisChannelLayer,
  UndecodableMessageError,
} from "@asgi/channels";
import { event, range, remaining } from "../helpers/events.ts";
import { type RedisServer, startRedis, testWithRedis, untilBlocked } from "../helpers/redis.ts";
import { startProxy } from "../helpers/proxy.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { withClockAt } from "../helpers/clock.ts";
import { pause, until } from "../helpers/waiting.ts";
import { collectProcessWarnings } from "../helpers/warnings.ts";

/** A message as Python's channels_redis writes it, sent so many seconds from now. */
async function sendAsPeer(server: RedisServer, key: string, seconds: number): Promise<void> {
  const script = "local hex = '00112233445566778899aabb81a474797065a474657374' " +
    "local member = hex:gsub('..', function(h) return string.char(tonumber(h, 16)) end) " +
    "return redis.call('ZADD', KEYS[1], ARGV[1], member)";
  await server.cli("EVAL", script, "1", key, `${Date.now() / 1000 + seconds}`);
}

async function newestScore(server: RedisServer, key: string): Promise<number> {
  // The random bytes of the member may contain line breaks; the score is the last line.
  const lines = (await server.cli("ZRANGE", key, "-1", "-1", "WITHSCORES")).split("\n");
  return Number(lines.at(-1));
}

/** In how many seconds a delivery expires, by the clock of this process. */
function secondsLeft({ expiresAt }: Delivery): number {
  return Math.round((expiresAt - Date.now()) / 1_000);
}

async function secondsLeftIn(layer: RedisChannelLayer): Promise<number[]> {
  return (await layer.receiveMany("letters", { limit: 100, wait: false })).map(secondsLeft);
}

/** Does something, and returns the warnings that name a server. */
async function warningsOf(server: RedisServer, work: () => Promise<unknown>): Promise<string[]> {
  using warnings = collectProcessWarnings();
  await work();
  await pause(0);
  return warnings.items.filter((text) => text.includes(server.url));
}

testWithRedis("RedisChannelLayer: clocks", () => {
  for (const seconds of [61, -61, 3_600]) {
    Deno.test(`RedisChannelLayer: a sender whose clock is ${seconds} s off deletes no live message`, async () => {
      await using server = await startRedis();
      await using layer = new RedisChannelLayer({ url: server.url, capacity: 3 });
      await layer.sendMany("letters", [0, 1, 2].map((number) => event(number)));
      await withClockAt(seconds * 1_000, async () => {
        await assertRejects(() => layer.send("letters", event(3)), ChannelFullError);
        assertEquals((await layer.inspect(["letters"])).channels[0]?.depth, 3);
      });
      assertEquals(await remaining(layer, "letters"), [0, 1, 2].map((number) => event(number)));
    });

    Deno.test(`RedisChannelLayer: a message sent with a clock that is ${seconds} s off lives for the expiry`, async () => {
      await using server = await startRedis();
      await using layer = new RedisChannelLayer({ url: server.url });
      await withClockAt(seconds * 1_000, () => layer.send("letters", event(0)));
      await layer.send("letters", event(1));
      assertEquals(await secondsLeftIn(layer), [60, 60]);
    });

    Deno.test(`RedisChannelLayer: a receiver whose clock is ${seconds} s off gets live messages`, async () => {
      await using server = await startRedis();
      await using layer = new RedisChannelLayer({ url: server.url });
      await layer.sendMany("letters", [event(0), event(1)]);
      await layer.send("others", event(2));
      await withClockAt(seconds * 1_000, async () => {
        const both = [
          layer.receiveMany("letters", { limit: 2, wait: false }),
          layer.receiveMany("others", { limit: 2, wait: false }),
        ];
        assertEquals((await Promise.all(both)).flat().map(secondsLeft), [60, 60, 60]);
      });
    });

    Deno.test(`RedisChannelLayer: a receiver that waits with a clock that is ${seconds} s off gets what is sent`, async () => {
      await using server = await startRedis();
      await using sender = new RedisChannelLayer({ url: server.url });
      await using layer = new RedisChannelLayer({ url: server.url });
      await withClockAt(seconds * 1_000, async () => {
        const waiting = layer.receiveMany("letters", { limit: 1 });
        await untilBlocked(server);
        await sender.send("letters", event(0));
        assertEquals((await waiting).map(secondsLeft), [60]);
        const channel = layer.newChannel();
        await sender.send(channel, event(1));
        assertEquals(await layer.receive(channel), event(1));
      });
    });

    Deno.test(`RedisChannelLayer: memberships last for the groupExpiry, with a clock that is ${seconds} s off`, async () => {
      await using server = await startRedis();
      await using layer = new RedisChannelLayer({ url: server.url, groupExpiry: 50_000 });
      await withClockAt(seconds * 1_000, () => layer.groupAdd("readers", "letters"));
      await layer.groupSend("readers", event(0));
      await withClockAt(seconds * 1_000, () => layer.groupSend("readers", event(1)));
      assertEquals(await remaining(layer, "letters"), [event(0), event(1)]);
    });
  }

  Deno.test("RedisChannelLayer: a receiver whose clock is behind gets nothing that has expired", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url });
    await sendAsPeer(server, "asgiletters", -61);
    await withClockAt(-30_000, async () => assertEquals(await secondsLeftIn(layer), []));
  });

  Deno.test("RedisChannelLayer: a slow answer does not move the times of a server whose clock is right", async () => {
    await using server = await startRedis();
    await using folder = await temporaryFolder();
    const socket = server.url.slice("unix://".length);
    await using proxy = startProxy(`${folder.path}/proxy.sock`, socket);
    await using layer = new RedisChannelLayer({ url: proxy.url });
    await layer.send("letters", event(0));
    const sentAt = await newestScore(server, "asgiletters") * 1_000;
    proxy.delay = 100;
    const [delivery] = await layer.receiveMany("letters", { limit: 1 });
    assertEquals(Math.round(delivery!.expiresAt - sentAt), 60_000);
  });

  Deno.test("RedisChannelLayer: inspect() returns a message's age by the server's clock", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url });
    await sendAsPeer(server, "asgiletters", -20);
    await withClockAt(3_600_000, async () => {
      const [channel] = (await layer.inspect(["letters"])).channels;
      assertEquals(channel?.depth, 1);
      assertEquals(Math.round((channel?.oldestAge ?? NaN) / 1_000), 20);
    });
  });

  Deno.test("RedisChannelLayer: the order of a sender holds while its clock jumps", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url, capacity: 12_000 });
    for (const number of range(20)) {
      const offset = (number % 5 - 2) * 20_000;
      const first = 501 * number;
      const many = range(500, first).map((number) => event(number));
      await withClockAt(offset, () => layer.sendMany("letters", many));
      await layer.send("letters", event(first + 500));
    }
    const numbers = (await remaining(layer, "letters")).map(({ number }) => number);
    assertEquals(numbers, range(20 * 501));
  });

  Deno.test("RedisChannelLayer: a clock that was ahead doesn't affect later scores", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url });
    await sendAsPeer(server, "asgiletters", 3_600);
    await withClockAt(3_600_000, () => layer.send("letters", event(0)));
    await layer.send("others", event(1));
    assert(Math.abs(await newestScore(server, "asgiothers") - Date.now() / 1_000) < 5);
  });

  Deno.test("RedisChannelLayer: a wrong clock is warned of once, with the difference", async () => {
    for (const [offset, words] of [[61_000, "61 s ahead"], [-61_000, "61 s behind"]] as const) {
      await using server = await startRedis();
      const sendAndReceive = async () => {
        await using layer = new RedisChannelLayer({ url: server.url });
        for (const number of range(5)) await layer.send("letters", event(number));
        await remaining(layer, "letters");
      };
      assertEquals(await warningsOf(server, sendAndReceive), []);
      const warnings = await warningsOf(server, () => withClockAt(offset, sendAndReceive));
      assertEquals(warnings.length, 1, warnings.join("\n"));
      assertMatch(warnings[0]!, new RegExp(words));
    }
  });

  for (const [offset, words] of [[90_000, "s in the future"], [-90_000, "s ago"]] as const) {
    Deno.test(`RedisChannelLayer: a token encrypted 90 ${words} is rejected with the difference`, async () => {
      await using server = await startRedis();
      const options = { url: server.url, symmetricEncryptionKeys: ["secret"] };
      await using layer = new RedisChannelLayer(options);
      const start = Date.now();
      await withClockAt(offset, () => layer.send("letters", event(0)));
      const { message } = await assertRejects(
        () => layer.receive("letters"),
        UndecodableMessageError,
        words,
      );
      const [, seconds] = /it was encrypted (\d+) s /.exec(message) ?? [];
      // A token has the second it was encrypted in, and time passes until it is received.
      const tolerance = 1 + (Date.now() - start) / 1_000;
      assert(Math.abs(Number(seconds) - 90) <= tolerance, message);
    });
  }

  Deno.test("RedisChannelLayer: a receiver alone warns of its clock", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url });
    const warnings = await warningsOf(
      server,
      () => withClockAt(-61_000, () => remaining(layer, "letters")),
    );
    assertMatch(warnings.join("\n"), /61 s behind/);
  });

  Deno.test("RedisChannelLayer: a message from the future is handled, and warned of", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url });
    await sendAsPeer(server, "asgiletters", 61);
    const warnings = await warningsOf(server, async () => {
      assertEquals(await layer.receive("letters"), { type: "test" });
    });
    assertEquals(warnings.length, 1, warnings.join("\n"));
    assertMatch(warnings[0]!, /asgiletters .*61 s in the future/);
  });

  Deno.test("RedisChannelLayer: a message that has expired when it arrives is warned of", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url });
    const warnings = await warningsOf(server, async () => {
      const waiting = layer.receive("letters");
      await untilBlocked(server);
      await sendAsPeer(server, "asgiletters", -75);
      await until("it is taken", async () => await server.cli("EXISTS", "asgiletters") === "0");
      await layer.send("letters", event(1));
      assertEquals(await waiting, event(1));
    });
    assertEquals(warnings.length, 1, warnings.join("\n"));
    assertMatch(warnings[0]!, /asgiletters .*75 s old/);
  });
});
