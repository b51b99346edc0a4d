import { assert, assertEquals, assertGreater, assertLess, assertRejects } from "@std/assert";
import fc from "fast-check";
import { type Message, RedisChannelLayer, UndecodableMessageError } from "@asgi/channels";
import { type RedisServer, startRedis, testWithRedis } from "../helpers/redis.ts";

const LARGEST = 4 * 1_048_576;

/** A Redis whose channel "letters" a peer writes to. */
interface Wire extends AsyncDisposable {
  /** What reads JSON from it. */
  readonly json: RedisChannelLayer;
  readonly redis: RedisServer;
  /** Adds bytes, which a script of Lua returns. */
  add(lua: string): Promise<void>;
}

async function openWire(): Promise<Wire> {
  const redis = await startRedis();
  const json = new RedisChannelLayer({ url: redis.url, serializer: "json" });
  return {
    json,
    redis,
    async add(lua) {
      const script = `redis.call('ZADD', 'asgiletters', ARGV[1], '012345678901' .. (${lua}))`;
      await redis.cli("EVAL", script, "0", `${Date.now() / 1000}`);
    },
    async [Symbol.asyncDispose]() {
      await json.close();
      await redis[Symbol.asyncDispose]();
    },
  };
}

/** A text of Lua's. */
function lua(text: string): string {
  const bytes = new TextEncoder().encode(text);
  return `"${Array.from(bytes, (byte) => `\\${String(byte).padStart(3, "0")}`).join("")}"`;
}

/** Receives a message of JSON, or returns why it is invalid. */
async function received({ json, add }: Wire, text: string): Promise<unknown> {
  await add(lua(text));
  try {
    return (await json.receive("letters")).value;
  } catch (error) {
    if (error instanceof UndecodableMessageError) return error.reason;
    throw error;
  }
}

testWithRedis("RedisChannelLayer: limits of received messages", () => {
  Deno.test("4 MiB of JSON that is truncated, or one text, or only brackets, is decoded fast", async () => {
    await using wire = await openWire();
    const link = `string.rep('<a href=\\\\"x\\\\">', 280000)`;
    const hostile: readonly (readonly [lua: string, reason: string | undefined])[] = [
      [`'{"type":"work","html":"' .. ${link}`, "no valid JSON"],
      [`'{"type":"work","html":"' .. ${link} .. '"}'`, undefined],
      [`string.rep('[', 4000000)`, "nested in more than 500 levels"],
      [`string.rep('"\\\\', 2000000)`, "no valid JSON"],
      [`'{"n":' .. string.rep('9', 4000000) .. '}'`, "more than 64 bits"],
      [`'{"n":[' .. string.rep('{},', 1300000) .. '0]}'`, "more than 40 MiB of memory"],
      [`'{"n":[' .. string.rep('NaN,', 1000000) .. '0]}'`, "more than 40 MiB of memory"],
    ];
    for (const [lua, reason] of hostile) {
      await wire.add(lua);
      const [delivery] = await wire.json.receiveMany("letters", { limit: 1 });
      const start = performance.now();
      const read = () => Promise.resolve().then(() => delivery?.read());
      if (reason === undefined) await read();
      else await assertRejects(read, UndecodableMessageError, reason);
      assertLess(performance.now() - start, 3_000, lua);
    }
  });

  Deno.test("a message of 4 MiB is received, and one byte more is dropped, in each form", async () => {
    await using wire = await openWire();
    const { redis } = wire;
    const keys = ["a password"];
    for (const serializer of ["msgpack", "json"] as const) {
      await using layer = new RedisChannelLayer({ url: redis.url, serializer });
      const [head, foot] = serializer === "json"
        ? [lua('{"type":"work","value":"'), lua('"}')]
        : [`"\\130\\164type\\164work\\165value\\219" .. string.char(0, 63, 255, 0)`, "''"];
      const message = (size: number) =>
        `(function() local head, foot = ${head}, ${foot} ` +
        `return head .. string.rep('x', ${size} - #head - #foot) .. foot end)()`;
      await wire.add(message(LARGEST + 1));
      await assertRejects(
        () => layer.receive("letters"),
        UndecodableMessageError,
        `it has ${LARGEST + 1} bytes, and at most ${LARGEST} are decoded`,
      );
      if (serializer === "msgpack") continue;
      await wire.add(message(LARGEST));
      assertEquals(String((await layer.receive("letters")).value).length, LARGEST - 26);
    }
    await using secret = new RedisChannelLayer({ url: redis.url, symmetricEncryptionKeys: keys });
    await wire.add(`string.rep('A', ${LARGEST / 3 * 4 + 1_000})`);
    await assertRejects(() => secret.receive("letters"), UndecodableMessageError, "are decoded");
  });

  Deno.test("JSON that Python writes is read exactly: large integers, NaN and Infinity", async () => {
    await using wire = await openWire();
    const exact: readonly (readonly [json: string, value: unknown])[] = [
      ["9007199254740991", 2 ** 53 - 1],
      ["9007199254740993", 2n ** 53n + 1n],
      ["-9223372036854775808", -(2n ** 63n)],
      ["18446744073709551615", 2n ** 64n - 1n],
      ["18446744073709551616", `"18446744073709551616" is an integer of more than 64 bits`],
      ["[NaN, Infinity, -Infinity]", [NaN, Infinity, -Infinity]],
      ['{"NaN": NaN, "a\\"NaN": [-Infinity,{"b":9007199254740993}]}', {
        NaN: NaN,
        'a"NaN': [-Infinity, { b: 2n ** 53n + 1n }],
      }],
      ['"NaN, 9007199254740993"', "NaN, 9007199254740993"],
      ["0.1234567890123456789", 0.12345678901234568],
      ["12345678901234567890e3", 12345678901234567890e3],
      ["1e999", Infinity],
      ["-0.0", -0],
    ];
    for (const [json, value] of exact) {
      assertEquals(await received(wire, `{"type":"work","value":${json}}`), value, json);
    }
    const wrong = ["{9007199254740993: 1}", "{NaN: 1}", "NaNNaN", "1NaN", "-NaN", "nan", "+1"];
    for (
      const json of [...wrong, "09007199254740993", "9007199254740993-", "-", "Infinit", "[NaN"]
    ) {
      const reason = await received(wire, `{"type":"work","value":${json}}`);
      assertEquals(String(reason).startsWith("no valid JSON"), true, `${json}: ${reason}`);
    }
  });

  Deno.test("JSON with one wrong character is another message or undecodable", async () => {
    await using wire = await openWire();
    const text = `{"type":"a\\"\\\\","n":[1,-2.5e3,9007199254740993,NaN,{"k":null}],"é":"\\u00e9"}`;
    const changes = fc.array(
      fc.tuple(fc.nat(text.length - 1), fc.constantFrom(...`"\\,:[]{}0-eNI. x\u0001é`)),
      { minLength: 90, maxLength: 90 },
    );
    const check = async (changes: readonly (readonly [at: number, character: string])[]) => {
      const texts = changes.map(([at, other]) =>
        lua(text.slice(0, at) + other + text.slice(at + 1))
      );
      const script = `for at, text in ipairs({${texts.join()}}) do ` +
        `redis.call('ZADD', 'asgiletters', ARGV[1] + at, '012345678901' .. text) end`;
      await wire.redis.cli("EVAL", script, "0", `${Date.now() / 1000 - 10}`);
      const deliveries = await wire.json.receiveMany("letters", { limit: 100 });
      assertGreater(deliveries.length, 20);
      for (const delivery of deliveries) {
        try {
          delivery.read();
        } catch (error) {
          assert(error instanceof UndecodableMessageError, `${error} isn't expected`);
        }
      }
    };
    await fc.assert(fc.asyncProperty(changes, check), { numRuns: 10 });
  });

  Deno.test("a group of process-local channels gets NaN and large integers unchanged", async () => {
    await using wire = await openWire();
    const { json, redis } = wire;
    const channels = [json.newChannel(), json.newChannel()];
    const key = channels[0]!.replace(/!.*/, "!");
    const body = `{"type":"work","n":[NaN,-Infinity,18446744073709551615],` +
      `"__asgi_channel__":${JSON.stringify(channels)}}`;
    const add = `redis.call('ZADD', KEYS[1], ARGV[1], '012345678901' .. ARGV[2])`;
    await redis.cli("EVAL", add, "1", `asgi${key}`, `${Date.now() / 1000}`, body);
    const expected: Message = { type: "work", n: [NaN, -Infinity, 2n ** 64n - 1n] };
    for (const channel of channels) assertEquals(await json.receive(channel), expected);
  });

  Deno.test("a group of 60,000 channels of one layer gets a message, although their names are long", async () => {
    await using redis = await startRedis();
    await using layer = new RedisChannelLayer({ url: redis.url, onDrop: () => {} });
    const channels = Array.from({ length: 60_000 }, () => layer.newChannel());
    const members = channels.flatMap((channel) => [`${Date.now() / 1000}`, channel]);
    for (let at = 0; at < members.length; at += 20_000) {
      await redis.cli("ZADD", "asgi:group:readers", ...members.slice(at, at + 20_000));
    }
    const received = [0, 30_000, 59_999].map((index) => layer.receive(channels[index]!));
    await layer.groupSend("readers", { type: "work" });
    assertEquals(await Promise.all(received), Array(3).fill({ type: "work" }));
  });
});
