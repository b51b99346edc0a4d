import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { RedisChannelLayer, UndecodableMessageError } from "@asgi/channels";
import { messages } from "../../src/testing/conformance/arbitraries.ts";
import { startProgram } from "../helpers/program.ts";
import type { RedisServer } from "../helpers/redis.ts";
import { assertEchoes, startEcho } from "./echo.ts";
import { type Peer, testWithPeer } from "./python.ts";

const APP = new URL("app.ts", import.meta.url).href;
const EVENT = { type: "test.event", n: 1 };
const KEYS = ["the new password", "the old password"] as const;
const [NEW, OLD] = KEYS;

/** A layer of ours with these passwords. */
function connect(redis: RedisServer, prefix: string, keys: readonly string[]): RedisChannelLayer {
  const options = { url: redis.url, prefix, symmetricEncryptionKeys: keys, onDrop: () => {} };
  return new RedisChannelLayer(options);
}

/** Flips a bit of the oldest message of a channel, in the middle of its token. */
async function flipBit(redis: RedisServer, key: string): Promise<void> {
  const script = "local member, score = unpack(redis.call('ZPOPMIN', KEYS[1])) " +
    "local flipped = string.char(bit.bxor(member:byte(60), 1)) " +
    "redis.call('ZADD', KEYS[1], score, member:sub(1, 59) .. flipped .. member:sub(61))";
  await redis.cli("EVAL", script, "1", key);
}

/** Has Python send four events that a worker with `KEYS` can't read. */
async function sendUnreadable(redis: RedisServer, peer: Peer, prefix: string): Promise<void> {
  const event = { type: "record", id: "unreadable" };
  const keys = { symmetric_encryption_keys: KEYS };
  await peer.call({ prefix, ...keys }, "send", "letters", event);
  await flipBit(redis, `${prefix}letters`);
  await peer.call({ prefix, ...keys, name: "LateRedisChannelLayer" }, "send", "letters", event);
  const wrong = { symmetric_encryption_keys: ["another password"] };
  await peer.call({ prefix, ...wrong }, "send", "letters", event);
  await peer.call({ prefix }, "send", "letters", event);
}

testWithPeer("Deno and Python read what the other has encrypted", async (t, redis, peer) => {
  const both = { symmetric_encryption_keys: KEYS };

  await t.step("200 generated messages return from Python unchanged", async () => {
    const prefix = "echo";
    await using layer = connect(redis, prefix, KEYS);
    await assertEchoes(await startEcho(layer, peer, { prefix, ...both }), messages, 200);
  });

  await t.step("groups and process-local channels work when they are encrypted", async () => {
    const prefix = "groups";
    await using layer = connect(redis, prefix, KEYS);
    const theirs = await peer.call<string>({ prefix, ...both }, "new_channel");
    const own = layer.newChannel();
    for (const channel of [own, theirs, "letters"]) await layer.groupAdd("readers", channel);
    await layer.groupSend("readers", EVENT);
    assertEquals(await peer.call({ prefix, ...both }, "receive", theirs), EVENT);
    await peer.call({ prefix, ...both }, "group_send", "readers", { ...EVENT, n: 2 });
    for (const channel of [own, "letters"]) {
      assertEquals(await layer.receive(channel), EVENT);
      assertEquals(await layer.receive(channel), { ...EVENT, n: 2 });
    }
  });

  await t.step("during key rotation, new and old sides read each other", async () => {
    const prefix = "rotation";
    await using changed = connect(redis, prefix, KEYS);
    await using behind = connect(redis, prefix, [OLD]);
    const python = (...keys: string[]) => ({ prefix, symmetric_encryption_keys: keys });
    await peer.call(python(OLD), "send", "letters", EVENT);
    assertEquals(await changed.receive("letters"), EVENT);
    await behind.send("letters", EVENT);
    assertEquals(await peer.call(python(NEW, OLD), "receive", "letters"), EVENT);
    // The first key is the one that encrypts.
    await changed.send("letters", EVENT);
    assertEquals(await peer.call(python(NEW), "receive", "letters"), EVENT);
    await peer.call(python(NEW, OLD), "send", "letters", EVENT);
    await assertRejects(() => behind.receive("letters"), UndecodableMessageError);
  });

  await t.step("Python can't read what was encrypted with a key that it doesn't have", async () => {
    const prefix = "wrong";
    await using layer = connect(redis, prefix, KEYS);
    await layer.send("letters", EVENT);
    const wrong = { prefix, symmetric_encryption_keys: ["another password"] };
    await assertRejects(() => peer.call(wrong, "receive", "letters"), Error, "InvalidToken");
  });

  await t.step("what is on the wire is random bytes and a token", async () => {
    await using layer = connect(redis, "wire", KEYS);
    await layer.send("letters", EVENT);
    const script = "return redis.call('ZRANGE', KEYS[1], 0, 0)[1]:sub(13)";
    const token = await redis.cli("EVAL", script, "1", "wireletters");
    assertMatch(token, /^gAAAA[\w-]+={0,2}$/);
  });

  await t.step("an undecryptable message costs a worker one log line, and no more", async () => {
    const prefix = "worker";
    await sendUnreadable(redis, peer, prefix);
    await peer.call({ prefix, ...both }, "send", "letters", { type: "record", id: "readable" });
    const query = new URLSearchParams([["prefix", prefix]]);
    for (const key of KEYS) query.append("symmetricEncryptionKeys", key);
    const args = ["letters", "--app", APP, "--layer", `${redis.url}?${query}`];
    await using worker = startProgram(["runworker", ...args, "--burst"]);
    assertEquals(await worker.end, 0);
    assertEquals(worker.stdout.all, ["readable"]);
    const [listening = "", ...lines] = worker.stderr.all;
    assertMatch(listening, /Listening on letters/);
    assertMatch(lines.pop() ?? "", /5 received, 1 handled, 0 failed, 4 dropped \(4 undecodable\)$/);
    assertEquals(lines.length, 4, lines.join("\n"));
    for (const line of lines) assertMatch(line, /warn .*Dropped.* channel=letters/);
    assert(!worker.stderr.all.join("\n").includes("password"), "The log tells a password");
  });

  await t.step(
    "a process-local channel drops undecryptable messages, and keeps working",
    async () => {
      const prefix = "local";
      await using layer = connect(redis, prefix, KEYS);
      const own = layer.newChannel();
      await peer.call({ prefix, symmetric_encryption_keys: ["another"] }, "send", own, EVENT);
      await peer.call({ prefix, ...both }, "send", own, { ...EVENT, n: 2 });
      assertEquals(await layer.receive(own), { ...EVENT, n: 2 });
    },
  );
});
