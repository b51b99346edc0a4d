import { type Keyed, keysOfBoth, sameElements, textForm } from "./content.ts";

/** Pairs that are being compared further up: how cycles come to an end. */
type Seen = Map<object, object>;

/**
 * Whether two values are deeply equal: by content where that can be read, by
 * identity for functions and the like. `0` equals `-0`, and `NaN` equals `NaN`.
 *
 * @throws {TypeError} for two `WeakMap`s or `WeakSet`s, which hide theirs
 */
export function equal(a: unknown, b: unknown): boolean {
  return same(a, b, new Map());
}

function same(a: unknown, b: unknown, seen: Seen): boolean {
  if (a === b || Object.is(a, b)) return true;
  if (!isObject(a) || !isObject(b)) return false;
  if (a instanceof Date && b instanceof Date) {
    return Object.is(a.getTime(), b.getTime());
  }
  return samePrototype(a, b) &&
    (sameElements(a, b) ?? sameWeak(a, b, seen) ?? sameTree(a, b, seen));
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** Objects without a prototype count as plain ones. */
function samePrototype(a: object, b: object): boolean {
  const [left, right] = [a, b].map((value) => Object.getPrototypeOf(value) ?? Object.prototype);
  return left === right;
}

function sameWeak(a: object, b: object, seen: Seen): boolean | undefined {
  if (a instanceof WeakMap || a instanceof WeakSet) {
    throw new TypeError(`The content of a ${a.constructor.name} is hidden`);
  }
  if (a instanceof WeakRef && b instanceof WeakRef) {
    return same(a.deref(), b.deref(), seen);
  }
}

function sameTree(a: object, b: object, seen: Seen): boolean {
  if (seen.get(a) === b) return true;
  if (Object.keys(a).length !== Object.keys(b).length) return false;
  seen.set(a, b);
  if (isKeyed(a) && isKeyed(b)) return sameMembers(a, b, seen);
  const text = textForm(a);
  if (text !== undefined) return text === textForm(b);
  return keysOfBoth(a, b).every((key) =>
    same(Reflect.get(a, key), Reflect.get(b, key), seen) &&
    key in a === key in b
  );
}

function isKeyed(value: object): value is Keyed {
  return value instanceof Map || value instanceof Set;
}

function sameMembers(a: Keyed, b: Keyed, seen: Seen): boolean {
  if (a.size !== b.size) return false;
  const entries = [...a.entries()];
  if (entries.every(([key]) => isPrimitive(key))) {
    return entries.every(([key, value]) => sameMember(key, value, b, seen));
  }
  const matched = entries.filter(([key, value]) => hasTwin(key, value, b, seen));
  return matched.length === a.size;
}

function isPrimitive(value: unknown): boolean {
  return !isObject(value) && typeof value !== "function";
}

function sameMember(
  key: unknown,
  value: unknown,
  others: Keyed,
  seen: Seen,
): boolean {
  if (!others.has(key)) return false;
  return !(others instanceof Map) || same(value, others.get(key), seen);
}

/** Whether one of the others has a deeply equal key and value. */
function hasTwin(
  key: unknown,
  value: unknown,
  others: Keyed,
  seen: Seen,
): boolean {
  for (const [otherKey, other] of others.entries()) {
    if (!same(key, otherKey, seen)) continue;
    if (!(others instanceof Map) || same(value, other, seen)) return true;
  }
  return false;
}
