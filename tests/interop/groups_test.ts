import { assertEquals, assertRejects } from "@std/assert";
import { RedisChannelLayer } from "@asgi/channels";
import type { RedisServer } from "../helpers/redis.ts";
import { testWithPeer } from "./python.ts";
import { remaining } from "../helpers/events.ts";

const EVENT = { type: "test.event", n: 1 };

/** Returns the keys of a prefix, without wake-up keys, which expire by themselves. */
async function keys(redis: RedisServer, prefix: string): Promise<string[]> {
  const all = (await redis.cli("KEYS", `${prefix}*`)).split("\n");
  return all.filter((key) => !key.includes(":wake-up:"));
}

testWithPeer("Groups and process-local channels join Deno and Python", async (t, redis, peer) => {
  const url = redis.url;

  /** Receives once from each of some channels of Python's. */
  function pythonReceives(prefix: string, channels: readonly string[]): Promise<unknown[]> {
    return Promise.all(channels.map((channel) => peer.call({ prefix }, "receive", channel)));
  }

  await t.step("a process-local channel of Deno's receives what Python sends to it", async () => {
    const prefix = "to-deno";
    await using layer = new RedisChannelLayer({ url, prefix });
    const channels = [layer.newChannel(), layer.newChannel("letters")];
    for (const [n, channel] of channels.entries()) {
      await peer.call({ prefix }, "send", channel, { ...EVENT, n });
    }
    assertEquals(await layer.receive(channels[1] ?? ""), { ...EVENT, n: 1 });
    assertEquals(await layer.receive(channels[0] ?? ""), { ...EVENT, n: 0 });
  });

  await t.step("a process-local channel of Python's receives what Deno sends to it", async () => {
    const prefix = "to-python";
    await using layer = new RedisChannelLayer({ url, prefix });
    const one = await peer.call<string>({ prefix }, "new_channel");
    const other = await peer.call<string>({ prefix }, "new_channel", "letters");
    await layer.send(one, { ...EVENT, n: 0 });
    await layer.send(other, { ...EVENT, n: 1 });
    assertEquals(await pythonReceives(prefix, [other, one]), [{ ...EVENT, n: 1 }, {
      ...EVENT,
      n: 0,
    }]);
  });

  await t.step("a shared group reaches each member once, from either side", async () => {
    const prefix = "both";
    await using layer = new RedisChannelLayer({ url, prefix });
    const deno = ["deno", layer.newChannel(), layer.newChannel()];
    const newChannel = () => peer.call<string>({ prefix }, "new_channel");
    const python = ["python", await newChannel(), await newChannel()];
    // Each side adds some of its own members, and some of the other's.
    for (const [index, channel] of [...deno, ...python].entries()) {
      if (index % 2 === 0) await layer.groupAdd("readers", channel);
      else await peer.call({ prefix }, "group_add", "readers", channel);
    }
    for (const sender of ["Deno", "Python"]) {
      const event = { ...EVENT, sender };
      if (sender === "Deno") await layer.groupSend("readers", event);
      else await peer.call({ prefix }, "group_send", "readers", event);
      const received = await Promise.all(deno.map((channel) => layer.receive(channel)));
      assertEquals(received, Array(3).fill(event));
      assertEquals(await pythonReceives(prefix, python), Array(3).fill(event));
    }
    for (const channel of deno) assertEquals(await remaining(layer, channel), []);
    assertEquals(await keys(redis, prefix), [`${prefix}:group:readers`]);
  });

  await t.step("a channel that the other side has removed from a group gets nothing", async () => {
    const prefix = "discard";
    await using layer = new RedisChannelLayer({ url, prefix });
    const [own, theirs] = [layer.newChannel(), await peer.call<string>({ prefix }, "new_channel")];
    for (const channel of [own, "stays", theirs]) await layer.groupAdd("readers", channel);
    await peer.call({ prefix }, "group_discard", "readers", own);
    await layer.groupDiscard("readers", theirs);
    await layer.groupSend("readers", EVENT);
    await peer.call({ prefix }, "group_send", "readers", EVENT);
    assertEquals(await remaining(layer, "stays"), [EVENT, EVENT]);
    assertEquals(await keys(redis, prefix), [`${prefix}:group:readers`]);
  });

  await t.step("a membership that is older than groupExpiry has ended for both", async () => {
    const prefix = "old";
    await using layer = new RedisChannelLayer({ url, prefix, groupExpiry: 60_000 });
    await peer.call({ prefix, group_expiry: 60 }, "group_add", "readers", "of-python");
    await layer.groupAdd("readers", "of-deno");
    for (const channel of ["of-python", "of-deno"]) {
      await redis.cli("ZINCRBY", `${prefix}:group:readers`, "-61", channel);
    }
    await peer.call({ prefix, group_expiry: 60 }, "group_add", "readers", "new");
    await layer.groupSend("readers", EVENT);
    await peer.call({ prefix, group_expiry: 60 }, "group_send", "readers", EVENT);
    assertEquals(await remaining(layer, "new"), [EVENT, EVENT]);
    assertEquals(await keys(redis, prefix), [`${prefix}:group:readers`]);
  });

  await t.step("a full channel misses what either side sends to its group", async () => {
    const prefix = "full";
    await using layer = new RedisChannelLayer({ url, prefix, capacity: 1 });
    for (const channel of ["full", "room"]) await layer.groupAdd("readers", channel);
    await layer.send("full", { type: "first" });
    await layer.groupSend("readers", EVENT);
    assertEquals(await remaining(layer, "room"), [EVENT]);
    await peer.call({ prefix, capacity: 1 }, "group_send", "readers", EVENT);
    assertEquals(await remaining(layer, "room"), [EVENT]);
    assertEquals(await remaining(layer, "full"), [{ type: "first" }]);
  });

  await t.step("neither side receives from a process-local channel of the other", async () => {
    const prefix = "foreign";
    await using layer = new RedisChannelLayer({ url, prefix });
    const theirs = await peer.call<string>({ prefix }, "new_channel");
    await assertRejects(() => layer.receive(theirs), TypeError);
    await assertRejects(() => pythonReceives(prefix, [layer.newChannel()]), Error, "Wrong client");
  });
});
