import { AssertionError } from "@std/assert";

/** Two values to compare, and their path. */
interface Pair {
  readonly path: string;
  readonly actual: unknown;
  readonly expected: unknown;
}

/**
 * Asserts that two messages are exactly the same: `0` is not `-0`, `1n` is not `1`, and bytes are a plain
 * `Uint8Array`. It does not recurse, so that the depth is unlimited.
 *
 * @throws {AssertionError} If they differ; the message names the path to the first difference.
 */
export function assertSame(actual: unknown, expected: unknown): void {
  const pairs: Pair[] = [{ path: "$", actual, expected }];
  for (let pair; (pair = pairs.pop());) {
    for (const inner of compare(pair)) pairs.push(inner);
  }
}

function compare(pair: Pair): Pair[] {
  const { actual, expected } = pair;
  if (expected instanceof Uint8Array) return compareBytes(pair, actual, expected);
  if (Array.isArray(expected)) return compareArrays(pair, actual, expected);
  if (typeof expected === "object" && expected !== null) {
    return compareObjects(pair, actual, expected);
  }
  if (!Object.is(actual, expected)) differ(pair);
  return [];
}

function compareBytes(pair: Pair, actual: unknown, expected: Uint8Array): Pair[] {
  if (!(actual instanceof Uint8Array)) differ(pair);
  if (Object.getPrototypeOf(actual) !== Uint8Array.prototype) differ(pair);
  if (actual.length !== expected.length) differ(pair);
  if (actual.some((byte, index) => byte !== expected[index])) differ(pair);
  return [];
}

function compareArrays({ path, ...pair }: Pair, actual: unknown, expected: unknown[]): Pair[] {
  if (!Array.isArray(actual) || actual.length !== expected.length) differ({ path, ...pair });
  return expected.map((item, index) => ({
    path: `${path}[${index}]`,
    actual: actual[index],
    expected: item,
  }));
}

function compareObjects(pair: Pair, actual: unknown, expected: object): Pair[] {
  if (!isPlain(actual)) differ(pair);
  const keys = Object.keys(expected);
  if (Object.keys(actual).length !== keys.length) differ(pair);
  return keys.map((key) => {
    if (!Object.hasOwn(actual, key)) differ(pair);
    return {
      path: `${pair.path}[${JSON.stringify(key)}]`,
      actual: Reflect.get(actual, key),
      expected: Reflect.get(expected, key),
    };
  });
}

function isPlain(value: unknown): value is object {
  return typeof value === "object" && value !== null &&
    Object.getPrototypeOf(value) === Object.prototype;
}

function differ({ path, actual, expected }: Pair): never {
  const [was, should] = [actual, expected].map((value) => Deno.inspect(value, { depth: 2 }));
  throw new AssertionError(`${path} is ${was}, expected ${should}`);
}
