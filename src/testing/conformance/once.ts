import { assertEquals } from "@std/assert";
import type { ChannelLayer } from "../../layers/mod.ts";
import type { LayerBackend, LayerCase } from "./case.ts";
import { drain, event, events, range, receiveTogether, sorted } from "./events.ts";

const ROOMY = { capacity: 10_000 };

/** With concurrent senders and receivers, each event is delivered exactly once. */
export const onceCases: readonly LayerCase[] = [
  {
    name: "receive() delivers each event once to four receivers on one layer",
    async run(backend) {
      const layer = backend.connect(ROOMY);
      await layer.sendMany("letters", events(500));
      await assertOnce([layer, layer, layer, layer], 500);
    },
  },
  {
    name: "receive() delivers each event once to receivers on four layers",
    async run(backend) {
      const layers = fourLayers(backend);
      await layers[0]?.sendMany("letters", events(500));
      await assertOnce(layers, 500);
    },
  },
  {
    name: "send() loses no event of four senders on one layer",
    async run(backend) {
      const layer = backend.connect(ROOMY);
      const sending = sendTogether([layer, layer, layer, layer], 400);
      await Promise.all([assertOnce([layer], 400), sending]);
    },
  },
  {
    name: "send() loses no event of senders on four layers",
    async run(backend) {
      const layers = fourLayers(backend);
      await Promise.all([assertOnce(layers.slice(0, 1), 400), sendTogether(layers, 400)]);
    },
  },
  {
    name: "send() and receive() work concurrently on four layers",
    async run(backend) {
      const layers = fourLayers(backend);
      const doubled = layers.flatMap((layer) => [layer, layer]);
      await Promise.all([assertOnce(doubled, 400), sendTogether(layers, 400)]);
    },
  },
  {
    name: "receiveMany() delivers each event once to four receivers",
    async run(backend) {
      const layer = backend.connect(ROOMY);
      await layer.sendMany("letters", events(500));
      const numbers = await Promise.all(range(4).map(() => drain(layer, "letters")));
      assertEquals(sorted(numbers.flat()), range(500));
    },
  },
];

function fourLayers(backend: LayerBackend): ChannelLayer[] {
  return range(4).map(() => backend.connect(ROOMY));
}

async function assertOnce(layers: readonly ChannelLayer[], count: number): Promise<void> {
  const numbers = await receiveTogether(layers, "letters", count);
  assertEquals(sorted(numbers), range(count));
  for (const layer of layers) assertEquals(await drain(layer, "letters"), []);
}

/** Sends events from all layers concurrently; each sends its part in order. */
async function sendTogether(layers: readonly ChannelLayer[], count: number): Promise<void> {
  const part = count / layers.length;
  await Promise.all(layers.map(async (layer, index) => {
    for (const n of range(part, index * part)) await layer.send("letters", event(n));
  }));
}
