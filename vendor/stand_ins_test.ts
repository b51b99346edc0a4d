import { Buffer } from "node:buffer";
import {
  assert,
  assertEquals,
  assertExists,
  assertGreater,
  assertGreaterOrEqual,
  assertInstanceOf,
  AssertionError,
  assertLess,
  assertLessOrEqual,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  equal,
  fail,
} from "./std_assert/mod.ts";
import { parseArgs } from "./std_cli/parse_args.ts";

const HOLDING: Array<[string, () => void]> = [
  ["assert", () => assert(1)],
  ["assertEquals", () => assertEquals({ a: [1] }, { a: [1] })],
  ["assertNotEquals", () => assertNotEquals({ a: 1 }, { a: 2 })],
  ["assertStrictEquals", () => assertStrictEquals(NaN, NaN)],
  ["assertExists", () => assertExists(0)],
  ["assertInstanceOf", () => assertInstanceOf(new TypeError(), Error)],
  ["assertMatch", () => assertMatch("abc", /b/)],
  ["assertStringIncludes", () => assertStringIncludes("abc", "bc")],
  ["assertGreater", () => assertGreater(2, 1)],
  ["assertGreaterOrEqual", () => assertGreaterOrEqual(1, 1)],
  ["assertLess", () => assertLess(1, 2)],
  ["assertLessOrEqual", () => assertLessOrEqual(1, 1)],
];

const BROKEN: Array<[string, () => void]> = [
  ["assert", () => assert(0, "why")],
  ["assertEquals", () => assertEquals({ a: [1] }, { a: [2] }, "why")],
  ["assertNotEquals", () => assertNotEquals({ a: 1 }, { a: 1 }, "why")],
  ["assertStrictEquals", () => assertStrictEquals(0, -0, "why")],
  ["assertExists", () => assertExists(null, "why")],
  ["assertInstanceOf", () => assertInstanceOf({}, Error, "why")],
  ["assertMatch", () => assertMatch("abc", /d/, "why")],
  ["assertStringIncludes", () => assertStringIncludes("abc", "d", "why")],
  ["assertGreater", () => assertGreater(1, 1, "why")],
  ["assertGreaterOrEqual", () => assertGreaterOrEqual(1, 2, "why")],
  ["assertLess", () => assertLess(1, 1, "why")],
  ["assertLessOrEqual", () => assertLessOrEqual(2, 1, "why")],
  ["fail", () => fail("why")],
];

/** What a function throws, seen without the help of the assertions. */
function thrownBy(fn: () => unknown): unknown {
  try {
    fn();
  } catch (error) {
    return error;
  }
}

for (const [name, claim] of HOLDING) {
  Deno.test(`${name}() passes when its claim holds`, () => {
    if (thrownBy(claim) !== undefined) throw new Error(`${name} threw`);
  });
}

for (const [name, claim] of BROKEN) {
  Deno.test(`${name}() throws an AssertionError with the caller's words`, () => {
    const error = thrownBy(claim);
    if (!(error instanceof AssertionError)) throw new Error(`${name} passed`);
    assertEquals(error.name, "AssertionError");
    assertStringIncludes(error.message, "why");
  });
}

Deno.test("assertEquals() shows the lines that differ", () => {
  const { message } = assertThrows(
    () => assertEquals({ a: 1, b: 2, c: 3 }, { a: 1, b: 4, c: 3 }),
    AssertionError,
    "Values are not equal.",
  );
  assertStringIncludes(message, "\n    a: 1,\n-   b: 2,\n+   b: 4,\n    c: 3,\n");
});

Deno.test("assertEquals() shows texts of several lines as they are", () => {
  const { message } = assertThrows(() => assertEquals("a\nb", "a\nc"), AssertionError);
  assertStringIncludes(message, "\n  a\n- b\n+ c");
});

Deno.test("assertStrictEquals() tells of two objects that look alike", () => {
  assertThrows(() => assertStrictEquals({}, {}), AssertionError, "not the same object");
});

Deno.test("assertThrows() returns what was thrown", () => {
  assertEquals(assertThrows(() => raise(5)), 5);
  assertInstanceOf(assertThrows(() => raise(new TypeError("a")), TypeError, "a"), TypeError);
});

Deno.test("assertThrows() fails when nothing, or something else, is thrown", () => {
  const wrong = (fn: () => unknown, text: string) =>
    assertThrows(() => assertThrows(fn, TypeError, "a", "why"), AssertionError, text);
  wrong(() => 0, "Expected function to throw: why");
  wrong(() => raise(5), "non-Error");
  wrong(() => raise(new RangeError("a")), '"RangeError"');
  wrong(() => raise(new TypeError("b")), '"b": why');
});

Deno.test("assertRejects() resolves to the reason", async () => {
  assertEquals(await assertRejects(() => Promise.reject(5)), 5);
  const reason = new TypeError("a");
  const found = await assertRejects(() => Promise.reject(reason), TypeError, "a");
  assertStrictEquals(found, reason);
});

Deno.test("assertRejects() fails when nothing, or something else, is the reason", async () => {
  const wrong = (fn: () => Promise<unknown>, text: string) =>
    assertRejects(() => assertRejects(fn, TypeError, "a", "why"), AssertionError, text);
  await wrong(() => Promise.resolve(), "Expected function to reject: why");
  await wrong(() => Promise.reject(5), "non-Error");
  await wrong(() => Promise.reject(new RangeError("a")), '"RangeError"');
  await wrong(() => Promise.reject(new TypeError("b")), '"b": why');
});

Deno.test("assertRejects() fails when the function throws at once", async () => {
  await assertRejects(
    () => assertRejects(() => raise(new TypeError("a")), TypeError),
    AssertionError,
    "throws when expected to reject",
  );
});

function raise(error: unknown): never {
  throw error;
}

class Point {
  x = 1;
}

class Other {
  x = 1;
}

/** An object with a key of its own that is named like the prototype's. */
function withProto(value: unknown): unknown {
  return Object.defineProperty({}, "__proto__", { value, enumerable: true });
}

function cycle(): unknown {
  const node: { next?: unknown } = {};
  node.next = node;
  return node;
}

const MARK = Symbol("mark");

const EQUAL: Array<[string, unknown, unknown]> = [
  ["0 and -0", 0, -0],
  ["NaN and NaN", NaN, NaN],
  ["two dates of one time", new Date(5), new Date(5)],
  ["two invalid dates", new Date(NaN), new Date(NaN)],
  ["two RegExps of one source", /a/g, /a/g],
  ["sets in another order", new Set([1, 2]), new Set([2, 1])],
  ["sets of equal objects", new Set([{ a: 1 }]), new Set([{ a: 1 }])],
  ["maps in another order", new Map([[1, 2], [3, 4]]), new Map([[3, 4], [1, 2]])],
  ["maps with equal objects for keys", new Map([[{ a: 1 }, 2]]), new Map([[{ a: 1 }, 2]])],
  ["objects in another order", { a: 1, b: 2 }, { b: 2, a: 1 }],
  ["a plain object and one without a prototype", { a: 1 }, { __proto__: null, a: 1 }],
  ["bytes", new Uint8Array([1, 2]), new Uint8Array([1, 2])],
  ["buffers", new Uint8Array([1]).buffer, new Uint8Array([1]).buffer],
  ["instances of one class", new Point(), new Point()],
  ["equal symbol keys", { [MARK]: 1 }, { [MARK]: 1 }],
  ["equal __proto__ keys", withProto({ a: 1 }), withProto({ a: 1 })],
  ["two cycles", cycle(), cycle()],
];

const UNEQUAL: Array<[string, unknown, unknown]> = [
  ["1 and 1n", 1, 1n],
  ["1 and '1'", 1, "1"],
  ["null and undefined", null, undefined],
  ["two functions", () => 1, () => 1],
  ["two dates", new Date(5), new Date(6)],
  ["RegExps with other flags", /a/g, /a/i],
  ["sets of other objects", new Set([{ a: 1 }]), new Set([{ a: 2 }])],
  ["maps with other values", new Map([[1, 2]]), new Map([[1, 3]])],
  ["a missing key and an undefined one", {}, { a: undefined }],
  ["two undefined keys", { a: undefined }, { b: undefined }],
  ["a Uint8Array and a Buffer", new Uint8Array([1]), Buffer.from([1])],
  ["typed arrays of other types", new Uint8Array([1]), new Int8Array([1])],
  ["instances of two classes", new Point(), new Other()],
  ["an instance and a plain object", new Point(), { x: 1 }],
  ["other symbol keys", { [MARK]: 1 }, { [MARK]: 2 }],
  ["other __proto__ keys", withProto(1), withProto(2)],
  ["a __proto__ key and none", withProto(1), {}],
];

for (const [what, a, b] of EQUAL) {
  Deno.test(`equal() takes as equal: ${what}`, () => {
    assert(equal(a, b) && equal([b], [a]));
  });
}

for (const [what, a, b] of UNEQUAL) {
  Deno.test(`equal() tells apart: ${what}`, () => {
    assert(!equal(a, b) && !equal([b], [a]));
  });
}

Deno.test("equal() refuses two WeakMaps, whose content is hidden", () => {
  assertThrows(() => equal(new WeakMap(), new WeakMap()), TypeError, "WeakMap");
});

const FREE: Array<[string, string[], Record<string, unknown>]> = [
  ["--key=value", ["--key=a=b"], { key: "a=b" }],
  ["--key value", ["--key", "value"], { key: "value" }],
  ["a flag before an option", ["--key", "--other"], { key: true, other: true }],
  ["a value that looks like a number", ["--key", "0x1f"], { key: 31 }],
  ["positionals as text or number", ["a", "7", "-"], { _: ["a", 7, "-"] }],
  ["-qv as two flags", ["-qv"], { q: true, v: true }],
  ["-qc 4 as a flag and an option", ["-qc", "4"], { q: true, c: 4 }],
  ["-c- and -c -", ["-c-", "-d", "-"], { c: "-", d: "-" }],
  ["a dotted option as a nested one", ["--a.b=1"], { a: { b: 1 } }],
  ["all after -- as text", ["a", "--", "--b", "7"], { _: ["a", "--b", "7"] }],
  ["no --__proto__", ["--__proto__.a=1"], {}],
];

for (const [what, args, expected] of FREE) {
  Deno.test(`parseArgs() reads ${what}`, () => {
    const found: unknown = parseArgs(args);
    assertEquals(found, { _: [], ...expected });
  });
}

for (const args of [["-c4"], ["-c", "4"], ["-c=4"], ["--count", "4"], ["--count=4"]]) {
  Deno.test(`parseArgs() reads ${args.join(" ")} as the string option c`, () => {
    const found = parseArgs(args, { string: ["count"], alias: { count: "c" } });
    assertEquals(found, { _: [], count: "4", c: "4" });
  });
}

Deno.test("parseArgs() gives a string option without a value an empty one", () => {
  assertEquals(parseArgs(["--a", "-b"], { string: ["a", "b"] }), { _: [], a: "", b: "" });
});

Deno.test("parseArgs() lets a boolean option take no value but true and false", () => {
  const options = { boolean: ["a", "b", "c", "d"] } as const;
  const found = parseArgs(["--a", "x", "-b", "false", "--c=true"], options);
  assertEquals(found, { _: ["x"], a: true, b: false, c: true, d: false });
});

Deno.test("parseArgs() takes every --option as a boolean on demand", () => {
  const found: unknown = parseArgs(["--a", "x", "-b", "y"], { boolean: true });
  assertEquals(found, { _: ["x"], a: true, b: "y" });
});

Deno.test("parseArgs() collects the options that may come more than once", () => {
  const options = { string: ["a", "b"], collect: ["a", "b"] } as const;
  const found = parseArgs(["--a", "1", "--a=2"], options);
  assertEquals(found, { _: [], a: ["1", "2"], b: [] });
});

Deno.test("parseArgs() keeps the last value of any other option", () => {
  assertEquals(parseArgs(["-a", "1", "-a", "2"])["a"], 2);
});

Deno.test("parseArgs() fills in defaults, under the aliases as well", () => {
  const found = parseArgs(["--b=2"], {
    string: ["a", "b"],
    alias: { a: "x" },
    default: { a: "1", b: "1" },
  });
  assertEquals(found, { _: [], a: "1", x: "1", b: "2" });
});

Deno.test("parseArgs() negates what may be negated", () => {
  const found: unknown = parseArgs(["--no-a", "--no-b"], { boolean: "a", negatable: "a" });
  assertEquals(found, { _: [], a: false, "no-b": true });
});

Deno.test("parseArgs() stops at the first positional on demand", () => {
  const found = parseArgs(["-a", "x", "-b", "5"], { boolean: ["a", "b"], stopEarly: true });
  assertEquals(found, { _: ["x", "-b", "5"], a: true, b: false });
});

Deno.test("parseArgs() keeps what follows -- apart on demand", () => {
  const found: unknown = parseArgs(["a", "--", "b"], { "--": true });
  assertEquals(found, { _: ["a"], "--": ["b"] });
});

Deno.test("parseArgs() tells unknown() of each undeclared argument, and can drop it", () => {
  const told: unknown[] = [];
  const found = parseArgs(["--a", "1", "--b=2", "-c3", "d"], {
    string: "a",
    unknown: (...call) => told.push(call) < 0,
  });
  assertEquals(found, { _: [], a: "1" });
  assertEquals(told, [["--b=2", "b", "2"], ["-c3", "c", "3"], ["d"]]);
});

Deno.test("parseArgs() gives each option the type that it was declared with", () => {
  const found = parseArgs([], {
    string: ["a", "b", "c"],
    boolean: ["d"],
    collect: ["b"],
    default: { c: "x" },
  });
  const a: string | undefined = found.a;
  const [b, c, d]: [string[], string, boolean] = [found.b, found.c, found.d];
  assertEquals([a, b, c, d], [undefined, [], "x", false]);
});
