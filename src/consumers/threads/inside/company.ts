import { ConsumerUnusableError } from "../../../errors.ts";
import type { Message } from "../../../protocol/mod.ts";
import { isSyncConsumer, surround } from "../../surroundings.ts";
import type { Birth, Request } from "../messages.ts";
import type { Bridge } from "./bridge.ts";

/** What a thread needs of a `SyncConsumer`. */
interface Consumer {
  dispatch(event: Message): void;
}

type ConsumerClass = new (...args: readonly unknown[]) => Consumer;

/** The consumers that live in a thread. */
export class Company {
  readonly #bridge: Bridge;
  readonly #module: () => Record<string, unknown>;
  readonly #members = new Map<number, Consumer>();

  /**
   * Opens a thread for consumers.
   *
   * @param module Gives what their module exports, or throws what that threw when it was loaded.
   */
  constructor(bridge: Bridge, module: () => Record<string, unknown>) {
    this.#bridge = bridge;
    this.#module = module;
  }

  /**
   * Finds a class in the module.
   *
   * @throws {ConsumerUnusableError} When it isn't there, or can't be run here.
   */
  classOf(name: string): ConsumerClass {
    const found = Object.values(this.#exports(name)).find((value) =>
      typeof value === "function" && value.name === name
    ) as object | undefined;
    if (!found) throw new ConsumerUnusableError(name, "its module does not export it");
    if (isSyncConsumer(found)) return found as ConsumerClass;
    throw new ConsumerUnusableError(
      name,
      "what its module exports by that name is no SyncConsumer",
    );
  }

  /** Gives an event to its consumer, which is made when it is new. */
  handle({ instance, event, birth }: Extract<Request, { ask: "handle" }>): void {
    const consumer = birth ? this.#bear(instance, birth) : this.#members.get(instance);
    consumer?.dispatch(event as Message);
  }

  /** Lets go of a consumer. */
  forget(instance: number): void {
    this.#members.delete(instance);
  }

  #bear(instance: number, { consumer: name, args, scope }: Birth): Consumer {
    const consumer = new (this.classOf(name))(...args);
    surround(consumer, {
      scope,
      call: (method, ...args) => this.#bridge.call({ instance, method, args }),
    });
    this.#members.set(instance, consumer);
    return consumer;
  }

  #exports(consumer: string): Record<string, unknown> {
    try {
      return this.#module();
    } catch (cause) {
      throw new ConsumerUnusableError(consumer, "its module cannot be loaded", { cause });
    }
  }
}
