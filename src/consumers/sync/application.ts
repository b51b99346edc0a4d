import { AsyncLocalStorage } from "node:async_hooks";
import { ConsumerConfigurationError, ThreadError } from "../../errors.ts";
import { type ChannelLayer, getChannelLayer, type SendOptions } from "../../layers/mod.ts";
import { type Preparation, withHooks } from "../../protocol/internal.ts";
import type { Application, Message, Scope, Send } from "../../protocol/mod.ts";
import { EventLoop } from "../event_loop.ts";
import { LAYER_METHODS } from "./channel_layer.ts";
import type { CallTarget, Work } from "./slot.ts";
import { type PoolOptions, ThreadPool } from "./pool.ts";
import type { Thread } from "./thread.ts";

/** What an application on threads is made of. */
export interface ThreadedConsumer {
  /** The name of the class. */
  readonly name: string;
  readonly args: readonly unknown[];
  readonly channelLayerAlias: string;
  /** How long a handler may take, in milliseconds. */
  readonly timeLimit: number | undefined;
  readonly pool: PoolOptions;
}

/** Makes the application that runs a consumer on threads. */
export function threadedApplication<S extends Scope>(consumer: ThreadedConsumer): Application<S> {
  const application: Application<S> = async (scope, receive, send) => {
    await using lease = ThreadPool.lease(consumer.pool);
    const layer = () => getChannelLayer(consumer.channelLayerAlias);
    const intake: EventLoop = new EventLoop({
      dispatch: (event) => seat.lane.run(jobFor(event)),
      layer,
    });
    const callee = calleeOf({ send, layer, channelName: () => intake.channelName });
    const jobFor = jobsOf(consumer, scope, callee.id);
    using seat = lease.pool.seat(callee);
    await intake.run(receive);
  };
  return withHooks(application, { prepare: () => prepare(consumer) });
}

/** Starts a thread, which must have the class. */
function prepare({ name, pool }: ThreadedConsumer): Preparation {
  const lease = ThreadPool.lease(pool);
  const ready = lease.pool.freest.run({
    requestFor: () => ({ ask: "check", consumer: name }),
    died: (reason) =>
      new ConsumerConfigurationError({
        consumer: name,
        reason: `its module ended the thread: ${reason}`,
      }),
  });
  return { ready, [Symbol.asyncDispose]: () => lease[Symbol.asyncDispose]() };
}

/** Makes the jobs of one instance; a thread that doesn't have it yet is told how to make it. */
function jobsOf({ name, args, timeLimit }: ThreadedConsumer, scope: Scope, instance: number) {
  let home: Thread | undefined;
  return (event: Message): Work => ({
    requestFor(thread) {
      const request = { ask: "handle", instance, event } as const;
      if (thread === home) return request;
      home = thread;
      return { ...request, birth: { consumer: name, args, scope } };
    },
    limit: timeLimit === undefined ? undefined : {
      time: timeLimit,
      late: () =>
        new ThreadError({
          consumer: name,
          type: event.type,
          reason: `it took longer than ${timeLimit} ms`,
          timeLimit,
        }),
    },
    died: (reason) => new ThreadError({ consumer: name, type: event.type, reason }),
  });
}

let instances = 0;

/** Does what the handlers of one instance ask for. */
function calleeOf({ send, layer, channelName }: {
  readonly send: Send;
  readonly layer: () => ChannelLayer;
  readonly channelName: () => string;
}): CallTarget {
  const methods = new Map<string, (args: readonly unknown[], signal: AbortSignal) => unknown>([
    ["send", ([message]) => send(message as Message)],
    ["channelName", channelName],
  ]);
  for (const name of LAYER_METHODS) methods.set(`layer.${name}`, onLayer(layer, name));
  // A call arrives as an event of its own: it belongs to the run of the application all the same.
  const inContext = AsyncLocalStorage.snapshot();
  return {
    id: ++instances,
    call: async (method, args, signal) =>
      await inContext(() => methods.get(method)?.(args, signal)),
  };
}

function onLayer(layer: () => ChannelLayer, name: typeof LAYER_METHODS[number]) {
  return (args: readonly unknown[], signal: AbortSignal): unknown => {
    const methods: Record<typeof name, (...args: never[]) => unknown> = layer();
    const [first, second, options] = args;
    const checked = args.length < 3 ? args : [first, second, sendOptionsOf(options, signal)];
    return methods[name](...checked as never[]);
  };
}

/** What a handler that waits for capacity has asked for ends with its thread. */
function sendOptionsOf(options: unknown, signal: AbortSignal): SendOptions {
  const { timeout, waitForCapacity } = Object(options) as SendOptions;
  return {
    signal,
    ...timeout !== undefined && { timeout },
    ...waitForCapacity !== undefined && { waitForCapacity },
  };
}
