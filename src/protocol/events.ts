/**
 * The types by which the compiler knows which events an application handles, and where they can be
 * sent. Programs use `ChannelsOf`, `EventsOf` and `DeclaredChannels`, which `@asgi/channels` exports as
 * well; the others are for authors of consumers, servers and layers. Nothing exists at run time.
 *
 * ```ts
 * import type { EventsOf } from "@asgi/channels/types";
 * import { AsyncConsumer } from "@asgi/channels";
 *
 * class LetterConsumer extends AsyncConsumer {
 *   async letter_sent(event: { type: "letter.sent"; text: string }) {
 *     await Promise.resolve(event.text);
 *   }
 * }
 *
 * const event: EventsOf<typeof LetterConsumer> = { type: "letter.sent", text: "Hello" };
 * console.log(event.text);
 * ```
 *
 * @module
 */
import type {
  AnyMessage,
  Application,
  ChannelScope,
  Incoming,
  Message,
  Receive,
  Scope,
  Send,
} from "./application.ts";
import type { StandardSchema } from "./standard_schema.ts";

export type {
  StandardSchema,
  StandardSchemaIssue,
  StandardSchemaResult,
} from "./standard_schema.ts";

/** The channels and groups of a program that declares none: every name accepts every message. */
export type AnyChannels = unknown;

/** What is accepted where nothing is declared. */
export type Undeclared = Readonly<Record<string, AnyMessage>>;

/**
 * The `receive()` of a server, which knows no channel's types: it returns the events of the scope's
 * protocol, and is accepted by applications of whatever events.
 */
export type AnyReceive<S extends Scope = Scope> = Receive<Incoming<S>> & Receive<never>;

/** An application of any events. */
export type AnyApplication<S extends Scope = Scope> = (
  scope: S,
  receive: AnyReceive<S>,
  send: Send,
) => Promise<void>;

// What applications carry for the compiler; nothing of it exists at run time.

/** An application whose events the compiler knows. */
export interface HandlesEvents<E> {
  /** The events; absent at run time. */
  readonly "~events"?: E;
}

/** An application whose channels, and their events, the compiler knows. */
export interface RoutesChannels<C> {
  /** The events by channel; absent at run time. */
  readonly "~channels"?: C;
}

/** A base class of consumers: the members that are not handlers. */
export interface ReservesNames<N extends PropertyKey> {
  /** The names; absent at run time. A function, so that a class can add names to those of its base. */
  readonly "~reserved"?: (name: N) => void;
}

/** The channels that an application has routes for, and the events of each. */
export type ChannelsOf<A> = "~channels" extends keyof A
  ? A extends RoutesChannels<infer C> ? NonNullable<C> : AnyChannels
  : AnyChannels;

/** The events that an application, or a consumer's class, handles. */
export type EventsOf<A> = A extends abstract new (...args: never[]) => infer C ? EventsOfClass<A, C>
  : "~events" extends keyof A ? A extends HandlesEvents<infer E> ? NonNullable<E> : AnyMessage
  : A extends (scope: never, receive: Receive<infer E>, send: never) => void
    ? [E] extends [never] ? AnyMessage : Message extends E ? AnyMessage : E
  : AnyMessage;

// The events of a class.

/** The events of a consumer's class: `T` is the class, `C` its instance. */
export type EventsOfClass<T, C> = {
  [K in HandlerName<C>]: EventOf<K, SentTo<T, K, EventParameter<C[K]>>>;
}[
  HandlerName<C>
];

/** The names of the methods that handle events: a `_` or a private one does not. */
export type HandlerName<C> =
  & {
    [K in keyof C]: K extends ReservedName<C> | `_${string}` ? never
      : C[K] extends (...args: never[]) => void ? K
      : never;
  }[keyof C]
  & string;

/** The names of the events of servers, as methods. */
export type ServerEventName = `${"http" | "websocket"}${"." | "_"}${string}`;

/** The names of a class that are not handlers, whatever the user's class declares. */
export type ReservedName<C> = C extends ReservesNames<infer N> ? N : never;

/** The parameter of a handler. */
export type EventParameter<F> = F extends (event: infer E, ...rest: never[]) => void ? E : never;

/** A schema declares what is sent; the handler receives its output. */
export type SentTo<T, K, E> = T extends { readonly schemas: infer X }
  ? K extends keyof X ? X[K] extends StandardSchema<infer I, infer _O> ? I : E : E
  : E;

/**
 * Without a parameter, or with `type: string`, the name of the method determines the type: with or
 * without dots. No alias is used here, so that the compiler's messages show the types themselves.
 */
export type EventOf<K extends string, E, Type = Underscored<K> | Dotted<Underscored<K>>> =
  unknown extends E ? { readonly type: Type }
    : E extends { readonly type: infer T }
      ? string extends T ? { [F in keyof E]: F extends "type" ? Type : E[F] } : E
    : { [F in keyof E | "type"]: F extends "type" ? Type : F extends keyof E ? E[F] : never };

/** A name with a dot for each `_`. */
export type Dotted<S extends string> = S extends `${infer A}_${infer B}` ? `${A}.${Dotted<B>}` : S;

/** A name with a `_` for each dot. */
export type Underscored<S extends string> = S extends `${infer A}.${infer B}`
  ? `${A}_${Underscored<B>}`
  : S;

// Mistakes in a class, each as a sentence.

/** `unknown` for a class whose handlers can work; otherwise a type whose key says what is wrong. */
export type CheckedConsumer<T, C, Kind = "async"> = [Mistake<T, C, Kind>] extends [never] ? unknown
  : { readonly [M in Mistake<T, C, Kind>]: never };

/** The mistakes in a class, each as a sentence. */
export type Mistake<T, C, Kind> =
  | { [K in HandlerName<C>]: HandlerMistake<K, EventParameter<C[K]>> }[HandlerName<C>]
  | (Kind extends "sync" ? PromiseMistake<C> : never)
  | SchemaMistake<T, C>;

/** The mistakes in the parameter of a handler. */
export type HandlerMistake<K extends string, E> = unknown extends E ? never
  : [E] extends [object] ? [WrongType<K, E>] extends [never] ? UnsendableMistake<K, Unsendable<E>>
    : `${K}() never receives events of type "${WrongType<
      K,
      E
    >}": the type must match the name of the method`
  : `${K}() must take an event, which is an object with a type; use a leading _ or # for a method that handles no events`;

/** The handlers that return a promise on a thread. */
export type PromiseMistake<C> = {
  [K in HandlerName<C>]: C[K] extends (...args: never[]) => infer R ? [R] extends [never] ? never
    : R extends PromiseLike<unknown>
      ? `${K}() must not return a promise: use an AsyncConsumer for asynchronous handlers`
    : never
    : never;
}[HandlerName<C>];

/** The types of an event that never select its handler. */
export type WrongType<K extends string, E> = E extends { readonly type: infer T extends string }
  ? string extends T ? never : Underscored<T> extends Underscored<K> ? never : T
  : never;

/** A handler that takes what no message can contain. */
export type UnsendableMistake<K extends string, P extends string> = [P] extends [never] ? never
  : `${K}() takes ${P}, which cannot be sent: use strings, numbers, booleans, null, Uint8Array, arrays and plain objects`;

/** The paths of the values that no message can hold; five levels are checked. */
export type Unsendable<V, Path extends string = "", Depth extends readonly 0[] = []> =
  unknown extends V ? never
    : Depth["length"] extends 5 ? never
    : V extends string | number | bigint | boolean | null | undefined | Uint8Array ? never
    : V extends NeverSendable ? Path
    : V extends readonly (infer I)[] ? Unsendable<I, `${Path}[]`, [...Depth, 0]>
    : V extends object ? {
        [F in keyof V & string]: Unsendable<
          V[F],
          Path extends "" ? F : `${Path}.${F}`,
          [...Depth, 0]
        >;
      }[
        keyof V & string
      ]
    : never;

/** Objects that no message can contain. */
export type NeverSendable =
  | Date
  | Error
  | Promise<unknown>
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>
  | RegExp
  | symbol
  | URL
  | ((...args: never[]) => void);

/** The mistakes in the schemas of a class. */
export type SchemaMistake<T, C> = T extends { readonly schemas: infer X }
  ? { [K in keyof X & string]: OneSchemaMistake<C, K, X[K]> }[keyof X & string]
  : never;

/** The mistakes in one schema. */
export type OneSchemaMistake<C, K extends string, X> = K extends HandlerName<C>
  ? X extends StandardSchema<infer _I, infer O>
    ? O extends EventParameter<C[K]> ? never : `schemas.${K} does not return what ${K}() takes`
  : `schemas.${K} must be a Standard Schema`
  : `schemas.${K} has no handler ${K}()`;

// What a sender may send where.

/**
 * What a program declares once about its channels and groups, for `this.channelLayer` of consumers.
 *
 * ```ts ignore
 * declare module "@asgi/channels" {
 *   interface DeclaredChannels {
 *     readonly channels: ChannelsOf<typeof application>;
 *   }
 * }
 * ```
 */
export interface DeclaredChannels {
  /** Tells it from the types that are passed to `getChannelLayer()`. */
  readonly "~declared": true;
}

/** The declaration of the program is read as late as possible: it refers to the consumers themselves. */
export type ChannelsIn<C> = C extends { readonly "~declared": true }
  ? DeclaredChannels extends { readonly channels: infer D } ? D : Undeclared
  : C extends object ? C
  : Undeclared;

/** The groups that can be sent to, with the declaration of the program resolved. */
export type GroupsIn<G> = G extends { readonly "~declared": true }
  ? DeclaredChannels extends { readonly groups: infer D } ? D : Undeclared
  : G extends object ? G
  : Undeclared;

/** The names of process-local channels: they accept any message. */
export type LocalChannel = `${string}!${string}`;

/** What a channel accepts. */
export type MessageFor<C, N> = ChannelsIn<C> extends infer D ? N extends keyof D ? D[N] : AnyMessage
  : never;

/** What a group accepts. */
export type GroupMessageFor<G, N> = GroupsIn<G> extends infer D ? N extends keyof D ? D[N] : never
  : never;

/** What a subscription receives; `N` is a group, or an iterable of groups. */
export type SubscribedMessage<G, N> = [N] extends [never] ? Message
  : N extends Iterable<infer I> & object ? SubscribedMessage<G, I>
  : [G, N] extends [object, string]
    ? AnyMessage extends GroupMessageFor<G, N> ? Message : GroupMessageFor<G, N>
  : Message;

/** A consumer's scope is known by its property: nothing else of the class need be looked at. */
export interface AnyConsumer {
  /** The scope. */
  readonly scope: Scope;
}

/** The application of a consumer's class. */
export type ConsumerApplication<T, C extends AnyConsumer> =
  & Application<C["scope"]>
  & HandlesEvents<EventsOfClass<T, C>>;

/** The application of a `ChannelNameRouter`. */
export type ChannelApplication<A> =
  & Application<ChannelScope>
  & RoutesChannels<{ [N in keyof A]: EventsOf<A[N]> }>
  & HandlesEvents<EventsOf<A[keyof A]>>;

/** The application of a `ProtocolTypeRouter`. */
export type ProtocolApplication<A> =
  & Application
  & (A extends { readonly channel: infer C } ? RoutesOf<C> : unknown);

/** What a `ProtocolTypeRouter` carries of the application for channels. */
export type RoutesOf<A> = "~channels" extends keyof A
  ? RoutesChannels<ChannelsOf<A>> & HandlesEvents<EventsOf<A>>
  : HandlesEvents<EventsOf<A>>;
