import { assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import type { ChannelLayer } from "../../layers/mod.ts";
import { nameCandidates } from "./arbitraries.ts";
import type { LayerCase } from "./case.ts";
import { drain, event, numberOf } from "./events.ts";

const RULE = "fewer than 100 characters";

/** The valid names of channels and groups. */
export const nameCases: readonly LayerCase[] = [
  {
    name: "send() accepts exactly the valid channel names",
    async run(backend) {
      const layer = backend.connect({ capacity: 10_000 });
      const property = fc.asyncProperty(nameCandidates, async (name) => {
        const sent = layer.send(name, event(1));
        if (isChannelName(name)) await sent;
        else await assertRejects(() => sent, TypeError, RULE);
      });
      await fc.assert(property, { numRuns: 300 });
    },
  },
  {
    name: "groupAdd() accepts exactly the valid group names",
    async run(backend) {
      const layer = backend.connect();
      const property = fc.asyncProperty(nameCandidates, async (name) => {
        const added = layer.groupAdd(name, "letters");
        if (isName(name)) await added;
        else await assertRejects(() => added, TypeError, RULE);
      });
      await fc.assert(property, { numRuns: 300 });
    },
  },
  {
    name: "receive() accepts a channel name of 99 characters",
    async run(backend) {
      const layer = backend.connect();
      const name = "Az09-_.".repeat(15).slice(0, 99);
      await layer.send(name, event(1));
      assertEquals(numberOf(await layer.receive(name)), 1);
    },
  },
  {
    name: "every method rejects invalid channel names",
    async run(backend) {
      const layer = backend.connect();
      for (
        const name of ["a b", "", "a!b!c", "!", "a!", "!b", "x".repeat(100), 5, null, undefined]
      ) {
        for (const call of callsWith(layer, name as string)) {
          await assertRejects(call, TypeError, RULE);
        }
      }
    },
  },
  {
    name: "every method rejects invalid group names",
    async run(backend) {
      const layer = backend.connect();
      for (const name of ["a b", "", "a!b", "x".repeat(100), 5, undefined]) {
        const group = name as string;
        await assertRejects(() => layer.groupAdd(group, "letters"), TypeError, RULE);
        await assertRejects(() => layer.groupDiscard(group, "letters"), TypeError, RULE);
        await assertRejects(() => layer.groupSend(group, event(1)), TypeError, RULE);
      }
      assertEquals(await drain(layer, "letters"), []);
    },
  },
];

/** The rule for names, implemented independently of the layers. */
function isName(text: string): boolean {
  return text.length > 0 && text.length < 100 &&
    [...text].every((c) => "-_.".includes(c) || (c >= "0" && c <= "9") || isLetter(c));
}

function isLetter(character: string): boolean {
  return character.length === 1 &&
    ((character >= "a" && character <= "z") || (character >= "A" && character <= "Z"));
}

function isChannelName(text: string): boolean {
  const parts = text.split("!");
  return text.length < 100 && parts.length <= 2 && parts.every(isName);
}

function callsWith(layer: ChannelLayer, channel: string): (() => Promise<unknown>)[] {
  return [
    () => layer.send(channel, event(1)),
    () => layer.sendMany(channel, []),
    () => layer.receive(channel),
    () => layer.receiveMany(channel, { limit: 1, wait: false }),
    () => layer.groupAdd("readers", channel),
    () => layer.groupDiscard("readers", channel),
  ];
}
