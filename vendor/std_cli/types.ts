/** What `boolean` may name: options, or with `true` every `--option`. */
export type BooleanType = boolean | string | undefined;
/** What `string`, `collect` and `negatable` may name. */
export type NameType = string | undefined;
/** Further names, by option. */
export type Aliases<K extends string = string, V extends string = string> = Partial<
  Record<K, V | ReadonlyArray<V>>
>;
/** Default values, by option. */
export type Defaults = Record<string, unknown> | undefined;

/** Options for `parseArgs`. */
export interface ParseOptions<
  TBooleans extends BooleanType = BooleanType,
  TStrings extends NameType = NameType,
  TCollectable extends NameType = NameType,
  TNegatable extends NameType = NameType,
  TDefault extends Defaults = Defaults,
  TAliases extends Aliases | undefined = Aliases | undefined,
  TDoubleDash extends boolean | undefined = boolean | undefined,
> {
  /** Whether what follows `--` goes to `"--"` in the result, not to `_`. */
  "--"?: TDoubleDash;
  /** Further names for options; the result has the value under each. */
  alias?: TAliases;
  /** Options that take no value; `false` unless given. */
  boolean?: TBooleans | ReadonlyArray<Extract<TBooleans, string>>;
  /** Values for options that are not given. */
  default?: TDefault;
  /** Whether everything after the first positional is positional too. */
  stopEarly?: boolean;
  /** Options whose value is never read as a number; `_` for positionals. */
  string?: TStrings | ReadonlyArray<Extract<TStrings, string>>;
  /** Options that may be given more than once, and come as an array. */
  collect?: TCollectable | ReadonlyArray<Extract<TCollectable, string>>;
  /** Options that `--no-<name>` sets to `false`. */
  negatable?: TNegatable | ReadonlyArray<Extract<TNegatable, string>>;
  /** Told of positionals and undeclared options; `false` drops them. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/** The value returned from `parseArgs`. */
export type Args<
  TArgs extends Record<string, unknown> = Record<string, unknown>,
  TDoubleDash extends boolean | undefined = undefined,
> = Flat<TArgs & { _: Array<string | number> } & DoubleDash<TDoubleDash>>;

type Flat<T> = { [K in keyof T]: T[K] };

type DoubleDash<T> = boolean extends T ? { "--"?: string[] }
  : true extends T ? { "--": string[] }
  : Record<never, never>;

/** The options in the result, each with its type. */
export type Values<
  B extends BooleanType,
  S extends NameType,
  C extends NameType,
  N extends NameType,
  D extends Defaults,
  A extends Aliases | undefined,
> = Record<string, unknown> & WithAliases<WithDefaults<Given<B, S, C, N>, D>, A>;

type Given<B, S, C, N> =
  & { [K in Exclude<Names<S>, C>]?: string | Negated<K, N> }
  & { [K in Extract<Names<S>, C>]: string[] | Negated<K, N> }
  & { [K in Exclude<Names<B>, C>]: boolean }
  & { [K in Extract<Names<B>, C>]: boolean[] }
  & { [K in Exclude<Names<C>, S | B>]: unknown[] | Negated<K, N> };

/** Dotted names stay `unknown`: they end up in nested objects. */
type Names<T> = Exclude<Extract<T, string>, Dotted>;
type Dotted = `${string}.${string}`;
type Negated<K, N> = K extends N ? false : never;

type WithDefaults<T, D> = D extends undefined ? T
  :
    & Omit<T, keyof D>
    & {
      [K in keyof D as Exclude<K, Dotted>]: K extends keyof T ? D[K] | NonNullable<T[K]>
        : unknown;
    };

type WithAliases<T, A> = { [K in keyof T as K | AliasOf<K, A>]: T[K] };

type AliasOf<K, A> = K extends keyof A ? Literal<Member<A[K]>> : never;
type Member<T> = T extends Array<infer V> ? V : T;
type Literal<T> = T extends string ? (string extends T ? never : T) : never;
