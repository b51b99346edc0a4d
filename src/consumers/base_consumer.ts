import { type ChannelLayer, getChannelLayer } from "../layers/mod.ts";
import type {
  AnyConsumer,
  CheckedConsumer,
  ConsumerApplication,
  ReservesNames,
} from "../protocol/internal.ts";
import type {
  AnyApplication,
  DeclaredChannels,
  LocalChannel,
  Message,
  Receive,
  Scope,
  Send,
  StandardSchema,
} from "../protocol/mod.ts";
import { EventLoop, type EventLoopOptions } from "./event_loop.ts";
import { defineBase, type Handler, handlerFor } from "./handlers.ts";
import { validate } from "./schemas.ts";

/** How a consumer handles its events; by default, each one is dispatched. */
export type Handling = Omit<EventLoopOptions, "layer">;

/** One run of a consumer, for one scope. */
export interface ConsumerRun {
  /** Sends a message to the other end of the connection. */
  readonly send: Send;
  /** Handles all events of the scope, as {@linkcode EventLoop.run} does. */
  readonly handleEvents: (handling?: Partial<Handling>) => Promise<void>;
}

type Runner = (consumer: object, run: ConsumerRun) => Promise<void>;

/** How the classes of this package run their consumers, by their prototypes. */
const runners = new WeakMap<object, Runner>();

/**
 * Defines a class of this package that users extend.
 *
 * @param run Runs one of its consumers.
 * @param reserved The names of methods that events cannot call, besides those of the class.
 */
export function defineConsumer<C extends object>(
  base: abstract new (...args: never[]) => C,
  run: (consumer: C, run: ConsumerRun) => Promise<void>,
  reserved?: RegExp,
): void {
  defineBase(base, reserved);
  // A runner is only called for a consumer of its class.
  runners.set(base.prototype, run as Runner);
}

/** Runs a consumer as one of a class of this package. */
export async function runAs(
  base: { readonly prototype: object },
  consumer: object,
  run: ConsumerRun,
): Promise<void> {
  await runnerOf(base.prototype)(consumer, run);
}

function runnerOf(prototype: object): Runner {
  return runners.get(prototype) ?? runnerOf(Object.getPrototypeOf(prototype));
}

/**
 * What all consumers on the event loop have in common: handlers of events by type, and a channel layer.
 * Extend one of its subclasses.
 *
 * @typeParam S The scope that the application takes.
 */
export abstract class BaseConsumer<S extends Scope> {
  /** The alias of the layer that this class uses, as in `getChannelLayer()`. */
  static readonly channelLayerAlias: string = "default";

  #scope: S | undefined;
  #handling: Partial<Handling> = {};
  readonly #eventLoop = new EventLoop({
    dispatch: (event) => (this.#handling.dispatch ?? this.#dispatch)(event),
    dispatchLocal: (event) => (this.#handling.dispatchLocal ?? this.#dispatch)(event),
    layer: () => this.channelLayer,
  });

  /**
   * Creates the application that runs this consumer.
   *
   * The compiler reports handlers that could never work, such as one whose event has another `type`.
   *
   * @param args The arguments of the constructor, which is called once for each scope.
   * @returns The application. It carries the events of the handlers for `ChannelsOf`.
   */
  static asAsgi<T, C extends AnyConsumer, Args extends readonly unknown[]>(
    this: T & (new (...args: Args) => C) & CheckedConsumer<T, C>,
    ...args: Args
  ): ConsumerApplication<T, C> {
    const application: AnyApplication<C["scope"]> = async (scope, receive, send) => {
      const consumer: AnyConsumer = new this(...args);
      await (consumer as BaseConsumer<C["scope"]>).#run(scope, receive, send);
    };
    return application as ConsumerApplication<T, C>;
  }

  /** The scope that the server has started this consumer for. */
  get scope(): S {
    if (!this.#scope) {
      throw new TypeError("scope is only available while asAsgi() runs the consumer");
    }
    return this.#scope;
  }

  /** The layer to send to other channels. */
  get channelLayer(): ChannelLayer<DeclaredChannels, DeclaredChannels> {
    const { channelLayerAlias } = this.constructor as typeof BaseConsumer;
    return getChannelLayer(channelLayerAlias);
  }

  /**
   * The name of this consumer's own channel, for replies and groups. The channel is created on first
   * use; its messages are handled like any other event.
   */
  get channelName(): LocalChannel {
    return this.#eventLoop.channelName as LocalChannel;
  }

  /**
   * Calls the handler of an event.
   *
   * @param event The event.
   * @throws {NoHandlerError} If there is no handler for its type.
   * @throws {InvalidEventError} If the schema of the handler rejects it.
   */
  dispatch(event: Message): Promise<void> {
    // Not an async function: the handler's own promise is enough for each event.
    try {
      const { method, schema } = handlerFor(this, event);
      if (schema) return this.#dispatchValid(method, schema, event);
      return Promise.resolve(method.call(this, event) as void);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  readonly #dispatch = (event: Message): Promise<void> => this.dispatch(event);

  async #dispatchValid(
    method: Handler["method"],
    schema: StandardSchema,
    event: Message,
  ): Promise<void> {
    await method.call(this, await validate(schema, event, this.constructor.name));
  }

  async #run(scope: S, receive: Receive, send: Send): Promise<void> {
    this.#scope = scope;
    const handleEvents: ConsumerRun["handleEvents"] = (handling = {}) => {
      this.#handling = handling;
      return this.#eventLoop.run(receive);
    };
    await runnerOf(Object.getPrototypeOf(this))(this, { send, handleEvents });
  }
}

/** The compiler leaves these names out of the handlers; see {@linkcode ReservesNames}. */
export interface BaseConsumer<S extends Scope>
  extends ReservesNames<"channelLayer" | "channelName" | "dispatch" | "scope"> {}
