/** The collections that are compared without regard to order. */
export type Keyed = Map<unknown, unknown> | Set<unknown>;

/** Built-in objects whose text says all there is to them. */
const TEXT_FORMS = new Set<unknown>(
  [RegExp, URL, URLSearchParams, Intl.Locale].map((type) => type.prototype),
);

/** The text of an object that is told by its text alone. */
export function textForm(value: object): string | undefined {
  const known = TEXT_FORMS.has(Object.getPrototypeOf(value));
  return known ? String(value) : undefined;
}

/** Compares typed arrays and buffers; `undefined` for any other object. */
export function sameElements(a: object, b: object): boolean | undefined {
  const [left, right] = [elements(a), elements(b)];
  if (!left || !right) return undefined;
  if (left.length !== right.length) return false;
  for (let i = 0; i < left.length; i++) {
    if (left[i] !== right[i] && !Object.is(left[i], right[i])) return false;
  }
  return true;
}

function elements(value: object): ArrayLike<unknown> | undefined {
  if (isTypedArray(value)) return value;
  if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) {
    return new Uint8Array(value);
  }
}

function isTypedArray(value: object): value is ArrayLike<unknown> {
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
}

/**
 * The keys to compare by: for plain objects and arrays their own enumerable
 * ones, for instances of a class those along the chain of prototypes as well.
 */
export function keysOfBoth(a: object, b: object): PropertyKey[] {
  if (isPlain(a)) return Reflect.ownKeys({ ...a, ...b });
  return [...new Set([...chainKeys(a), ...chainKeys(b)])];
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || isBasePrototype(prototype);
}

function isBasePrototype(value: object): boolean {
  return value === Object.prototype || value === Array.prototype;
}

function* chainKeys(value: object): Generator<PropertyKey> {
  let link: object | null = value;
  while (link !== null && !isBasePrototype(link)) {
    yield* Reflect.ownKeys(link);
    link = Object.getPrototypeOf(link);
  }
}
