import { assert, assertEquals, assertLess, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type ChannelCapacity, ChannelFullError, MemoryChannelLayer } from "@asgi/channels";
import { collectLayerWarnings, collectProcessWarnings } from "../helpers/warnings.ts";

const EVENT = { type: "test.event" };

/** How many events a channel takes. */
async function capacityOf(channelCapacity: ChannelCapacity, channel: string): Promise<number> {
  await using layer = new MemoryChannelLayer({ capacity: 50, channelCapacity });
  const messages = Array(channel.includes("!") ? 600 : 60).fill(EVENT);
  const error = await assertRejects(() => layer.sendMany(channel, messages), ChannelFullError);
  return error.capacity;
}

Deno.test("MemoryChannelLayer() rejects invalid options", () => {
  for (const capacity of [0, -1, 1.5, NaN, Infinity]) {
    assertThrows(() => new MemoryChannelLayer({ capacity }), RangeError, "positive integer");
    const channelCapacity = { "mail-*": capacity };
    assertThrows(() => new MemoryChannelLayer({ channelCapacity }), RangeError, "of mail-*");
  }
  for (const duration of [0, -1, NaN, Infinity, 1e19, 2 ** 53]) {
    assertThrows(() => new MemoryChannelLayer({ expiry: duration }), RangeError, "expiry");
    assertThrows(
      () => new MemoryChannelLayer({ groupExpiry: duration }),
      RangeError,
      "groupExpiry",
    );
  }
  // One that isn't well-formed would be the same bytes as another.
  for (const prefix of [5 as unknown as string, "\ud800"]) {
    assertThrows(
      () => new MemoryChannelLayer({ prefix }),
      TypeError,
      "prefix must be a well-formed string",
    );
  }
});

Deno.test("channelCapacity reads globs as Python does", async () => {
  const cases: [glob: string, channel: string, matches: boolean][] = [
    ["mail", "mail", true],
    ["mail", "mails", false],
    ["mail", "my-mail", false],
    ["mail*", "mail", true],
    ["*mail", "my-mail", true],
    ["m?il", "mail", true],
    ["m?il", "mil", false],
    ["mail.*", "mailx1", false],
    ["mail-[0-9]", "mail-5", true],
    ["mail-[0-9]", "mail-x", false],
    ["mail-[!0-9]", "mail-x", true],
    ["mail-[!0-9]", "mail-5", false],
    ["[", "mail", false],
    ["*.*!*", "mail.ab!cd", true],
    ["mail.*!", "mail.ab!cd", false],
  ];
  for (const [glob, channel, matches] of cases) {
    // Process-local channels share ten times the capacity of one channel.
    const otherwise = channel.includes("!") ? 500 : 50;
    const expected = matches ? 5 : otherwise;
    assertEquals(await capacityOf({ [glob]: 5 }, channel), expected, `${glob} ${channel}`);
  }
});

Deno.test("channelCapacity matches globs with many stars fast", async () => {
  const start = performance.now();
  const channel = "a".repeat(99);
  for (const glob of ["*a".repeat(6) + "*b", "a*".repeat(40) + "b", "*".repeat(1_000) + "b"]) {
    assertEquals(await capacityOf({ [glob]: 5 }, channel), 50);
    assertEquals(await capacityOf({ [glob.slice(0, -1)]: 5 }, channel), 5);
  }
  assertLess(performance.now() - start, 1_000);
});

Deno.test("channelCapacity matches a glob as the same regular expression does", async () => {
  const names = fc.array(fc.constantFrom("a", "b", "-"), { minLength: 1, maxLength: 8 });
  const globs = fc.array(fc.constantFrom("a", "b", "*", "?", "[ab]", "[!a]"), { maxLength: 8 });
  const check = async (name: readonly string[], glob: readonly string[]) => {
    const source = glob.join("").replaceAll("*", ".*").replaceAll("?", ".").replaceAll("[!", "[^");
    const matches = new RegExp(`^${source}$`).test(name.join(""));
    assertEquals(await capacityOf({ [glob.join("")]: 5 }, name.join("")), matches ? 5 : 50);
  };
  await fc.assert(fc.asyncProperty(names, globs, check), { numRuns: 300 });
});

Deno.test("channelCapacity uses the first pattern that matches", async () => {
  assertEquals(await capacityOf({ "mail-*": 5, "mail-1": 6 }, "mail-1"), 5);
  assertEquals(await capacityOf([["mail-1", 6], ["mail-*", 5]], "mail-1"), 6);
  assertEquals(await capacityOf(new Map([["mail-*", 7]]), "mail-1"), 7);
});

Deno.test("channelCapacity matches a sticky pattern from the start, every time", async () => {
  const sticky = /mail/gy;
  for (let times = 0; times < 3; times++) {
    assertEquals(await capacityOf([[sticky, 5]], "mail-1"), 5);
    assertEquals(await capacityOf([[sticky, 5]], "my-mail"), 50);
  }
});

Deno.test("by default, drops that differ only in what senders choose are two warnings", async () => {
  using warnings = collectLayerWarnings();
  await using layer = new MemoryChannelLayer({ capacity: 1 });
  const receiver = layer.newChannel();
  for (let n = 0; n < 30; n++) {
    const channel = layer.newChannel();
    for (let times = 0; times < 2; times++) {
      const received = layer.receive(receiver);
      await layer.send(channel, EVENT);
      await layer.receiveMany(receiver, { limit: 1, wait: false });
      await layer.send(receiver, EVENT);
      await received;
    }
  }
  assertEquals(warnings.items.map((text) => text.replace(/ for .*/, "")), [
    "Dropped a message",
    "Dropped 10 messages so far",
  ]);
});

Deno.test("onDrop defaults to a warning of the process", async () => {
  using warnings = collectProcessWarnings();
  await using layer = new MemoryChannelLayer({ capacity: 1 });
  const [one, two] = [layer.newChannel(), layer.newChannel()];
  for (const channel of [one, two, one, two]) {
    const waiting = channel === two ? layer.receive(two) : undefined;
    await layer.send(channel, EVENT);
    await waiting;
  }
  await warnings.reach(1);
  assert(warnings.items[0]?.startsWith(`Dropped a message for ${one}`));
});

Deno.test("onDrop defaults to two warnings for all process-local channels", async () => {
  using warnings = collectProcessWarnings();
  await using layer = new MemoryChannelLayer({ capacity: 1 });
  const live = layer.newChannel();
  for (let count = 0; count < 20; count++) {
    const unread = layer.newChannel();
    for (const channel of [unread, live, unread, live]) {
      const waiting = channel === live ? layer.receive(live) : undefined;
      await layer.send(channel, EVENT);
      await waiting;
    }
  }
  await warnings.reach(2);
  assertEquals(warnings.items.length, 2, warnings.items.join("\n"));
  assert(warnings.items[1]?.startsWith("Dropped 10 messages so far"));
});
