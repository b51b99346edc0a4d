import { assertEquals } from "@std/assert";
import { RedisChannelLayer } from "@asgi/channels";
import { type Program, say, startWorkerProcess } from "../../helpers/program.ts";
import { pause } from "../../helpers/waiting.ts";
import { range } from "../../helpers/events.ts";

const CHANNEL = "letters";

/** The events that wait when the worker starts, and those handled when the fault begins. */
const BACKLOG = 2_000;
const BEFORE = 200;

/** A fault in the middle of a stream of events. */
export interface Incident {
  /** Its name in the output of the test. */
  readonly name: string;
  /** The URL of the layer, for sender and worker. */
  readonly url: string;
  /** Causes the fault, and waits until the servers have recovered. */
  readonly strike: () => Promise<void>;
}

/** What became of the events. */
export interface Outcome {
  /** How many were sent without an error. */
  readonly sent: number;
  /** How many of these were never handled. */
  readonly lost: number;
  /** How many sends were rejected because the layer was unavailable. */
  readonly refused: number;
  /** What the worker logged. */
  readonly log: readonly string[];
}

/**
 * Sends a stream of events to a worker process, with a fault in the middle. Fails if an event is
 * handled twice, or if the worker doesn't recover by itself.
 */
export async function runStream({ name, url, strike }: Incident): Promise<Outcome> {
  await using layer = new RedisChannelLayer({ url, capacity: 100_000 });
  const sender = new Sender(layer);
  await sender.fill();
  await using worker = await startWorkerProcess([CHANNEL, "--layer", url]);
  await worker.stdout.count(BEFORE);
  const sending = sender.sendOn();
  const start = performance.now();
  await strike();
  const duration = performance.now() - start;
  sender.stop();
  await sending;
  await sender.sendLast(worker);
  worker.kill("SIGTERM");
  assertEquals(await worker.end, 0, worker.stderr.all.join("\n"));
  return account(name, duration, sender, worker);
}

function account(name: string, duration: number, sender: Sender, worker: Program): Outcome {
  const handled = worker.stdout.all.map(Number);
  const once = new Set(handled);
  const twice = handled.filter((id, at) => handled.indexOf(id) !== at);
  const lost = sender.accepted.filter((id) => !once.has(id)).length;
  const { accepted: { length: sent }, refused } = sender;
  say(
    `${name}: ${sent} events sent, ${refused} refused, ${lost} lost, ${twice.length} twice; ` +
      `over after ${(duration / 1000).toFixed(1)} s`,
  );
  assertEquals(twice, [], "events were handled twice");
  return { sent, lost, refused, log: worker.stderr.all };
}

/** Sends events with unique numbers; none is sent again. */
class Sender {
  readonly #layer: RedisChannelLayer;
  readonly accepted: number[] = [];
  refused = 0;
  #next = 0;
  #stopped = false;

  constructor(layer: RedisChannelLayer) {
    this.#layer = layer;
  }

  async fill(): Promise<void> {
    const ids = range(BACKLOG);
    this.#next = BACKLOG;
    await this.#layer.sendMany(CHANNEL, ids.map(slowEvent));
    this.accepted.push(...ids);
  }

  async sendOn(): Promise<void> {
    while (!this.#stopped) await pause(await this.#send() ? 2 : 50);
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Sends until the worker has handled one of these: what was sent before is handled by then. */
  async sendLast(worker: Program): Promise<void> {
    const deadline = performance.now() + 30_000;
    const first = this.#next;
    while (!worker.stdout.all.slice(-5).some((id) => Number(id) >= first)) {
      if (performance.now() > deadline) {
        throw new Error(`The worker doesn't go on:\n${worker.stderr.all.join("\n")}`);
      }
      const event = slowEvent(this.#next++);
      await this.#layer.send(CHANNEL, event).catch(() => {});
      await pause(100);
    }
  }

  async #send(): Promise<boolean> {
    const id = this.#next++;
    try {
      await this.#layer.send(CHANNEL, slowEvent(id));
      this.accepted.push(id);
      return true;
    } catch {
      this.refused++;
      return false;
    }
  }
}

function slowEvent(id: number) {
  return { type: "record_slowly", id, duration: 1 };
}
