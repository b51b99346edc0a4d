/**
 * Gives events to consumers one by one, as a server does, and reports how long each took from the
 * moment it was given until the application asked for the next: on the event loop, and on a thread;
 * and how long a handler on a thread waits for a call to the main thread. The numbers of events to
 * warm up and to measure are the arguments.
 *
 * @module
 */
import { AsyncConsumer, type Message, SyncConsumer } from "@asgi/channels";
import type { Application, ChannelScope } from "@asgi/channels/protocol";
import type { HopReport } from "../tasks.ts";
import { report } from "./terminal.ts";

/** Does nothing, on a thread. */
export class ThreadConsumer extends SyncConsumer {
  /** Does nothing. */
  hop(): void {}

  /** Measures calls, which do nothing on the main thread, and sends how long they took. */
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
}

if (import.meta.main) {
  const [warmUp = 0, count = 0] = Deno.args.map(Number);
  const onThread = ThreadConsumer.asAsgi({ module: import.meta.url });
  const hops: HopReport = {
    loop: (await timesOf(LoopConsumer.asAsgi(), warmUp + count)).slice(warmUp),
    thread: (await timesOf(onThread, warmUp + count)).slice(warmUp),
    calls: (await callsOf(onThread, warmUp + count)).slice(warmUp),
  };
  report(hops);
  Deno.exit();
}

/** Gives the application so many events, each when it has asked for it. */
async function timesOf(
  application: Application<ChannelScope>,
  count: number,
): Promise<readonly number[]> {
  const times: number[] = [];
  const ended = Promise.withResolvers<void>();
  let givenAt = performance.now();
  const receive = (): Promise<Message> => {
    const now = performance.now();
    times.push(now - givenAt);
    if (times.length > count) ended.resolve();
    if (times.length > count) return new Promise(() => {});
    givenAt = performance.now();
    return Promise.resolve({ type: "hop", id: 123456789 });
  };
  application({ type: "channel", channel: "bench" }, receive, () => Promise.resolve());
  await ended.promise;
  // The first is the start of the application.
  return times.slice(1);
}

/** Has a handler on a thread call the main thread so many times. */
async function callsOf(
  application: Application<ChannelScope>,
  count: number,
): Promise<readonly number[]> {
  const times = Promise.withResolvers<readonly number[]>();
  const events: Message[] = [{ type: "measure.calls", count }];
  const receive = () => {
    const event = events.shift();
    return event ? Promise.resolve(event) : new Promise<Message>(() => {});
  };
  const send = (message: Message) => {
    if (message.type === "times") times.resolve(message.times as number[]);
    return Promise.resolve();
  };
  application({ type: "channel", channel: "bench" }, receive, send);
  return await times.promise;
}
