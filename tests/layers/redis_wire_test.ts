import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { RedisChannelLayer, UndecodableMessageError } from "@asgi/channels";
import { type RedisServer, startRedis, testWithRedis } from "../helpers/redis.ts";

const EVENT = { type: "t", n: 1 };
/** `{ type: "t", n: 1 }`, as Python's msgpack writes it. */
const ENCODED = "82a474797065a174a16e01";

/** The first member of a sorted set, in hexadecimal digits, and its score. */
async function firstMember(server: RedisServer, key: string): Promise<[string, number]> {
  const script = "local m = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES') " +
    "local hex = m[1]:gsub('.', function(c) return string.format('%02x', c:byte()) end) " +
    "return hex .. ' ' .. m[2]";
  const [hex = "", score] = (await server.cli("EVAL", script, "1", key)).split(" ");
  return [hex, Number(score)];
}

/** Adds a member, as a peer would. */
async function add(server: RedisServer, key: string, score: number, hex: string): Promise<void> {
  const script =
    "local bytes = ARGV[2]:gsub('..', function(h) return string.char(tonumber(h, 16)) " +
    "end) return redis.call('ZADD', KEYS[1], ARGV[1], bytes)";
  await server.cli("EVAL", script, "1", key, String(score), hex);
}

/** The bytes of a short text in MessagePack, in hexadecimal digits. */
function text(words: string): string {
  const bytes = new TextEncoder().encode(words);
  const head = bytes.length < 32 ? [0xa0 + bytes.length] : [0xd9, bytes.length];
  return Uint8Array.from([...head, ...bytes]).toHex();
}

const TWELVE = "00112233445566778899aabb";
const now = () => Date.now() / 1000;

function assertNear(value: number, expected: number, tolerance: number): void {
  assert(Math.abs(value - expected) <= tolerance, `${value} is not about ${expected}`);
}

testWithRedis("RedisChannelLayer: the wire format", () => {
  Deno.test("RedisChannelLayer: send() writes a sorted set, as channels_redis does", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url, expiry: 40_000 });
    await layer.send("thumbnails-generate", EVENT);
    assertEquals(await server.cli("KEYS", "*"), "asgithumbnails-generate");
    assertEquals(await server.cli("TYPE", "asgithumbnails-generate"), "zset");
    const [member, score] = await firstMember(server, "asgithumbnails-generate");
    assertMatch(member, new RegExp(`^[0-9a-f]{24}${ENCODED}$`));
    assertNear(score, now(), 5);
    assertNear(Number(await server.cli("PTTL", "asgithumbnails-generate")), 40_000, 2_000);
  });

  Deno.test("RedisChannelLayer: send() starts each member with other random bytes", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url, capacity: 2_000 });
    await layer.sendMany("letters", Array(1_500).fill(EVENT));
    assertEquals(await server.cli("ZCARD", "asgiletters"), "1500");
  });

  Deno.test("RedisChannelLayer: send() names a process-local channel in the message", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url });
    const channel = layer.newChannel();
    await layer.send(channel, EVENT);
    const key = `asgi${channel.slice(0, channel.indexOf("!") + 1)}`;
    assertEquals(await server.cli("KEYS", "*"), key);
    const [member] = await firstMember(server, key);
    const address = text("__asgi_channel__") + text(channel);
    assertEquals(member.slice(24), `83${ENCODED.slice(2)}${address}`);
  });

  Deno.test("RedisChannelLayer: groupAdd() writes a sorted set, as channels_redis does", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url, groupExpiry: 90_000 });
    await layer.groupAdd("readers", "letters");
    assertEquals(await server.cli("KEYS", "*"), "asgi:group:readers");
    assertEquals(await server.cli("ZRANGE", "asgi:group:readers", "0", "-1"), "letters");
    assertNear(Number(await server.cli("ZSCORE", "asgi:group:readers", "letters")), now(), 5);
    assertNear(Number(await server.cli("PTTL", "asgi:group:readers")), 90_000, 2_000);
  });

  Deno.test("RedisChannelLayer: groupSend() names the channels in a list", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url });
    await layer.groupAdd("readers", "letters");
    await layer.groupSend("readers", EVENT);
    const [member] = await firstMember(server, "asgiletters");
    const address = `${text("__asgi_channel__")}91${text("letters")}`;
    assertEquals(member.slice(24), `83${ENCODED.slice(2)}${address}`);
  });

  Deno.test("RedisChannelLayer: groupSend() ends memberships that are too old", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url, groupExpiry: 60_000 });
    await server.cli("ZADD", "asgi:group:readers", `${now() - 61}`, "old", `${now() - 50}`, "new");
    await layer.groupSend("readers", EVENT);
    assertEquals(await server.cli("ZRANGE", "asgi:group:readers", "0", "-1"), "new");
    assertEquals(await server.cli("EXISTS", "asgiold", "asginew"), "1");
  });

  Deno.test("RedisChannelLayer: receive() reads what a peer wrote, unless it is too old", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url });
    await add(server, "asgiletters", now() - 61, `${TWELVE}82a474797065a174a16e05`);
    await add(server, "asgiletters", now() - 50, TWELVE + ENCODED);
    assertEquals(await layer.receive("letters"), EVENT);
    assertEquals(await layer.receiveMany("letters", { limit: 1, wait: false }), []);
  });

  Deno.test("RedisChannelLayer: receive() rejects for an invalid message, and then works", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url });
    const bad = [
      "",
      "00",
      TWELVE,
      `${TWELVE}c1`,
      `${TWELVE}01`,
      `${TWELVE}93010203`,
      `${TWELVE}82a1`,
    ];
    bad.push(`${TWELVE}82a474797065a174a178d40100`, TWELVE + ENCODED + "00");
    for (const [index, hex] of bad.entries()) {
      await add(server, "asgiletters", now() - 10 + index, hex);
    }
    await layer.send("letters", EVENT);
    for (const _ of bad) {
      await assertRejects(() => layer.receive("letters"), UndecodableMessageError);
    }
    assertEquals(await layer.receive("letters"), EVENT);
  });

  Deno.test("RedisChannelLayer: receive() of a process-local channel drops messages for other channels", async () => {
    await using server = await startRedis();
    const reasons: string[] = [];
    const onDrop = ({ reason }: { reason: string }) => reasons.push(reason);
    await using layer = new RedisChannelLayer({ url: server.url, onDrop });
    const channel = layer.newChannel();
    const key = `asgi${channel.slice(0, channel.indexOf("!") + 1)}`;
    const head = `${TWELVE}83${ENCODED.slice(2)}${text("__asgi_channel__")}`;
    const bad = [`${TWELVE}c1`, TWELVE + ENCODED, `${head}01`, head + text("letters")];
    for (const [index, hex] of bad.entries()) await add(server, key, now() - 10 + index, hex);
    await add(server, key, now(), `${head}91${text(channel)}`);
    assertEquals(await layer.receive(channel), EVENT);
    assertEquals(reasons.length, bad.length);
  });

  Deno.test("RedisChannelLayer: integers of 64 bits come from a peer exactly", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url });
    const head = `${TWELVE}82a474797065a174a16e`;
    const values: [string, number | bigint][] = [
      ["cf0000000000000001", 1],
      ["d3ffffffffffffffff", -1],
      ["cf001fffffffffffff", Number.MAX_SAFE_INTEGER],
      ["cf0020000000000000", 2n ** 53n],
      ["d38000000000000000", -(2n ** 63n)],
      ["cfffffffffffffffff", 2n ** 64n - 1n],
    ];
    for (const [hex, n] of values) {
      await add(server, "asgiletters", now(), head + hex);
      assertEquals(await layer.receive("letters"), { type: "t", n });
    }
  });
});
