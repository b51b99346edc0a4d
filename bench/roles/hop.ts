/**
 * Gives events to consumers one by one, as a server does, and reports how long each took from the
 * moment it was given until the application asked for the next, on the event loop and on a thread;
 * how long it took to the handler on the thread; the same way and back for a message to a bare
 * thread; and how long a handler on a thread waits for a call to the main thread. The numbers of
 * events to warm up and to measure are the arguments.
 *
 * @module
 */
import { AsyncConsumer, type Message, SyncConsumer } from "@asgi/channels";
import type { Application, ChannelScope } from "@asgi/channels/protocol";
import type { HopReport } from "../tasks.ts";
import { report } from "./terminal.ts";

/** Measures, on a thread, and sends what it has measured as "times". */
export class ThreadConsumer extends SyncConsumer {
  static override module = import.meta.url;
  readonly #ways: number[] = [];

  /** Notes how long the event was on its way. */
  hop({ givenAt }: { type: string; givenAt: number }): void {
    this.#ways.push(clock() - givenAt);
  }

  /** Sends the ways. */
  tell_ways(): void {
    this.send({ type: "times", times: this.#ways });
  }

  /** Measures calls, which do nothing on the main thread. */
  measure_calls({ count }: { type: string; count: number }): void {
    const times = Array.from({ length: count }, () => {
      const start = performance.now();
      this.send({ type: "nothing" });
      return performance.now() - start;
    });
    this.send({ type: "times", times });
  }
}

class LoopConsumer extends AsyncConsumer {
  hop(): Promise<void> {
    return Promise.resolve();
  }

  async tell_ways(): Promise<void> {
    await this.send({ type: "times", times: [] });
  }
}

if (import.meta.main) {
  const [warmUp = 0, count = 0] = Deno.args.map(Number);
  const measured = (times: readonly number[]) => times.slice(warmUp);
  const onThread = ThreadConsumer.asAsgi();
  const last = { type: "tell.ways" };
  const loop = await give(LoopConsumer.asAsgi(), warmUp + count, last);
  const thread = await give(onThread, warmUp + count, last);
  const calls = await give(onThread, 0, { type: "measure.calls", count: warmUp + count });
  const hops: HopReport = {
    loop: measured(loop.times),
    thread: measured(thread.times),
    there: measured(thread.told),
    bare: measured(await timesOfBareThread(warmUp + count)),
    calls: measured(calls.told),
  };
  report(hops);
  Deno.exit();
}

/** Milliseconds since 1970, with fractions: the same in all threads, but for a few microseconds. */
function clock(): number {
  return performance.timeOrigin + performance.now();
}

/** Gives the application so many events, each when it has asked for it, and then a last one. */
async function give(
  application: Application<ChannelScope>,
  count: number,
  last: Message,
): Promise<{ readonly times: readonly number[]; readonly told: readonly number[] }> {
  const times: number[] = [];
  const told = Promise.withResolvers<readonly number[]>();
  let start = performance.now();
  const receive = (): Promise<Message> => {
    times.push(performance.now() - start);
    if (times.length > count + 1) return new Promise(() => {});
    const event = times.length > count ? last : { type: "hop", givenAt: clock() };
    start = performance.now();
    return Promise.resolve(event);
  };
  const send = (message: Message) => {
    if (message.type === "times") told.resolve(message.times as number[]);
    return Promise.resolve();
  };
  application({ type: "channel", channel: "bench" }, receive, send);
  const isTold = await told.promise;
  // The first is the start of the application.
  return { times: times.slice(1, count + 1), told: isTold };
}

/** Sends messages to a thread of the runtime that only sends them back. */
async function timesOfBareThread(count: number): Promise<readonly number[]> {
  const code = "onmessage = ({ data }) => postMessage(data);";
  const url = `data:text/javascript,${encodeURIComponent(code)}`;
  const thread = new Worker(url, { type: "module" });
  const times: number[] = [];
  while (times.length < count) {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    thread.onmessage = resolve;
    const event = { type: "hop", givenAt: clock() };
    const start = performance.now();
    thread.postMessage(event);
    await promise;
    times.push(performance.now() - start);
  }
  thread.terminate();
  return times;
}
