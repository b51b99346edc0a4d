import { AsyncLocalStorage } from "node:async_hooks";
import { ConsumerConfigurationError, ThreadError } from "../../errors/mod.ts";
import { type ChannelLayer, getChannelLayer, type SendOptions } from "../../layers/mod.ts";
import { keepForServer, type ServerResource, withHooks } from "../../protocol/internal.ts";
import type {
  AnyApplication,
  Application,
  Message,
  Receive,
  Scope,
  Send,
} from "../../protocol/mod.ts";
import { EventLoop } from "../event_loop.ts";
import { LAYER_METHODS } from "./channel_layer.ts";
import { type PoolLease, type PoolOptions, ThreadPool } from "./pool.ts";
import type { CallTarget, Task } from "./slot.ts";
import type { ConsumerThread } from "./thread.ts";

/** A consumer's class and its settings, as its application needs them. */
export interface ThreadedConsumer {
  /** The name of the class. */
  readonly name: string;
  readonly args: readonly unknown[];
  readonly channelLayerAlias: string;
  /** How long a handler may run, in milliseconds. */
  readonly timeLimit: number | undefined;
  readonly pool: PoolOptions;
}

/** Returns the application that runs a consumer on threads. */
export function threadedApplication<S extends Scope>(consumer: ThreadedConsumer): Application<S> {
  const shared = () => keepForServer(consumer, () => startPool(consumer));
  const application: AnyApplication<S> = async (scope, receive, send) => {
    const kept = shared();
    if (kept) return await runOn(kept.pool, consumer, { scope, receive, send });
    // Called by something that keeps no resources: the threads end with the scope.
    await using lease = ThreadPool.lease(consumer.pool);
    await runOn(lease.pool, consumer, { scope, receive, send });
  };
  return withHooks(application, {
    prepare: async () => await shared()?.ready,
  }) as Application<S>;
}

/** Leases the pool, and starts a thread, which must have the class. */
function startPool({ name, pool }: ThreadedConsumer): PoolLease & ServerResource {
  const lease = ThreadPool.lease(pool);
  const ready = lease.pool.assign().run({
    requestFor: () => ({ type: "check", consumer: name }),
    exited: (reason) =>
      new ConsumerConfigurationError({
        consumer: name,
        reason: `its module exited the thread: ${reason}`,
      }),
  });
  return { ...lease, ready };
}

/** Runs one instance on a thread of the pool. */
async function runOn<S extends Scope>(
  pool: ThreadPool,
  consumer: ThreadedConsumer,
  { scope, receive, send }: {
    readonly scope: S;
    readonly receive: Receive;
    readonly send: Send;
  },
): Promise<void> {
  const layer = () => getChannelLayer(consumer.channelLayerAlias);
  const eventLoop: EventLoop = new EventLoop({
    dispatch: (event) => attached.slot.run(taskFor(event)),
    layer,
  });
  const target = callTarget({ send, layer, channelName: () => eventLoop.channelName });
  const taskFor = taskFactory(consumer, scope, target.id);
  using attached = pool.attach(target);
  await eventLoop.run(receive);
}

/** Returns a function that creates the tasks of one instance. */
function taskFactory({ name, args, timeLimit }: ThreadedConsumer, scope: Scope, instance: number) {
  let home: ConsumerThread | undefined;
  return (event: Message): Task => ({
    requestFor(thread) {
      const request = { type: "handle", instance, event } as const;
      if (thread === home) return request;
      // The thread does not have the instance yet.
      home = thread;
      return { ...request, start: { consumer: name, args, scope } };
    },
    limit: timeLimit === undefined ? undefined : {
      time: timeLimit,
      exceeded: () =>
        new ThreadError({
          consumer: name,
          type: event.type,
          reason: `time limit of ${timeLimit} ms exceeded`,
          timeLimit,
        }),
    },
    exited: (reason) => new ThreadError({ consumer: name, type: event.type, reason }),
  });
}

let instances = 0;

/** Returns what runs the calls of the handlers of one instance. */
function callTarget({ send, layer, channelName }: {
  readonly send: Send;
  readonly layer: () => ChannelLayer;
  readonly channelName: () => string;
}): CallTarget {
  const methods = new Map<string, (args: readonly unknown[], signal: AbortSignal) => unknown>([
    ["send", ([message]) => send(message as Message)],
    ["channelName", channelName],
  ]);
  for (const name of LAYER_METHODS) methods.set(`layer.${name}`, onLayer(layer, name));
  // A call arrives as an event of its own, but belongs to the context of the application.
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

/** Returns the options of a `send()` that is aborted when its thread exits. */
function sendOptionsOf(options: unknown, signal: AbortSignal): SendOptions {
  const { timeout, waitForCapacity } = Object(options) as SendOptions;
  return {
    signal,
    ...timeout !== undefined && { timeout },
    ...waitForCapacity !== undefined && { waitForCapacity },
  };
}
