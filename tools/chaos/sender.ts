/**
 * Sends numbered events at a steady rate until SIGTERM, one by one, side by side or as a batch, and
 * writes down what came of each: NAME URL JOURNAL RATE SEED. On SIGUSR1 it sends all it can for a
 * second.
 *
 * @module
 */
import {
  ChannelFullError,
  type ChannelLayer,
  configureChannelLayers,
  getChannelLayer,
  LayerUnavailableError,
  type Message,
} from "@asgi/channels";
import { CHANNELS } from "./fault.ts";
import { SendersJournal } from "./journal.ts";
import { Random } from "./random.ts";
import type { Outcome } from "./sheet.ts";

/** Of 100 events: most are well, the others try the worker. */
const TYPES = [["fail", 2], ["stray", 2], ["hang", 1], ["burn", 1], ["work", 94]] as const;
const LOTTERY = TYPES.flatMap(([type, tickets]) => Array<string>(tickets).fill(type));

/** How many events are large, of 1: enough to fill a slow network. */
const LARGE = 0.02;
const PADDING = "x".repeat(20_000);

/** How long a flood lasts, in milliseconds, and how many events go in one turn of it. */
const FLOOD = 1_000;
const FLOOD_BATCH = 50;

class Sender {
  readonly #layer: ChannelLayer;
  readonly #journal: SendersJournal;
  readonly #random: Random;
  readonly #name: string;
  #number = 0;

  constructor(name: string, layer: ChannelLayer, journal: SendersJournal, random: Random) {
    this.#name = name;
    this.#layer = layer;
    this.#journal = journal;
    this.#random = random;
  }

  /** Sends some events, in one of three ways. */
  async send(count: number): Promise<void> {
    const channel = this.#random.pick(CHANNELS);
    const events = Array.from({ length: count }, () => this.#nextEvent());
    for (const { id } of events) this.#journal.begin(id);
    if (this.#random.next() < 0.3) return await this.#sendMany(channel, events);
    await Promise.all(events.map((event) => this.#sendMany(channel, [event])));
  }

  async #sendMany(channel: string, events: readonly (Message & { id: string })[]): Promise<void> {
    const { accepted, others } = await this.#trySending(channel, events);
    for (const [index, { id }] of events.entries()) {
      this.#journal.end(id, index < accepted ? "sent" : others);
    }
  }

  /** How many were taken, and what became of the others. */
  async #trySending(
    channel: string,
    events: readonly Message[],
  ): Promise<{ readonly accepted: number; readonly others: Outcome }> {
    const [first] = events;
    try {
      if (first && events.length === 1) await this.#layer.send(channel, first);
      else await this.#layer.sendMany(channel, events);
      return { accepted: events.length, others: "sent" };
    } catch (error) {
      if (error instanceof ChannelFullError) return { accepted: error.accepted, others: "refused" };
      if (!(error instanceof LayerUnavailableError)) throw error;
      return { accepted: 0, others: error.outcomeUnknown ? "uncertain" : "undone" };
    }
  }

  #nextEvent(): Message & { id: string } {
    const type = this.#random.pick(LOTTERY);
    const event = { type, id: `${this.#name}-${this.#number++}` };
    return this.#random.next() < LARGE ? { ...event, padding: PADDING } : event;
  }
}

const [name = "", url = "", journal = "", rate = "100", seed = "1"] = Deno.args;
configureChannelLayers({ default: url });
await using layer = getChannelLayer();
const random = new Random(Number(seed));
const sender = new Sender(name, layer, new SendersJournal(journal), random);
let stopped = false;
let floodUntil = 0;
Deno.addSignalListener("SIGTERM", () => stopped = true);
Deno.addSignalListener("SIGUSR1", () => floodUntil = performance.now() + FLOOD);

/** When the next events are due; what could not be sent in time is not made up for. */
let due = performance.now();
while (!stopped) {
  const now = performance.now();
  const flood = now < floodUntil;
  const count = flood ? FLOOD_BATCH : random.between(1, 8);
  await sender.send(count);
  due = Math.max(due, now - 100) + (flood ? 0 : count * 1_000 / Number(rate));
  const wait = flood ? 0 : due - performance.now();
  if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
}
// What listens to signals would keep the process.
await layer.close();
Deno.exit(0);
