import { assertMatch, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import {
  type Application,
  AsyncConsumer,
  type ChannelScope,
  ConsumerConfigurationError,
  SyncConsumer,
} from "@asgi/channels";
import { LetterConsumer } from "../fixtures/threads/consumers.ts";
import { letters, ThreadedConsumer } from "../helpers/threads.ts";

Deno.test("asAsgi() takes the arguments of the constructor, as that of an AsyncConsumer", () => {
  class StampConsumer extends SyncConsumer {
    static override module = import.meta.url;

    constructor(readonly stamp: string) {
      super();
    }
  }
  class AsyncStampConsumer extends AsyncConsumer {
    constructor(readonly stamp: string) {
      super();
    }
  }
  StampConsumer.asAsgi("red") satisfies Application<ChannelScope>;
  // @ts-expect-error The stamp is missing.
  StampConsumer.asAsgi();
  // @ts-expect-error A stamp is a string.
  StampConsumer.asAsgi(5);
  AsyncStampConsumer.asAsgi("red") satisfies Application<ChannelScope>;
  // @ts-expect-error The stamp is missing.
  AsyncStampConsumer.asAsgi();
  // @ts-expect-error A stamp is a string.
  AsyncStampConsumer.asAsgi(5);
});

Deno.test("asAsgi() refuses a class without a module, and settings that are invalid", () => {
  class PaletteConsumer extends SyncConsumer {}
  assertThrows(
    () => PaletteConsumer.asAsgi(),
    TypeError,
    'PaletteConsumer needs "static override module = import.meta.url"',
  );
  assertThrows(
    () => letters({}, "./consumers.ts"),
    TypeError,
    "LetterConsumer.module must be a URL, such as import.meta.url, got ./consumers.ts",
  );
  for (const max of [0, -1, 1.5, NaN]) {
    const message = `LetterConsumer.threads.max must be a positive integer, got ${max}`;
    assertThrows(() => letters({ max }), RangeError, message);
  }
  for (const timeLimit of [0, -1, NaN, Infinity, 2 ** 31]) {
    const message =
      "LetterConsumer.threads.timeLimit must be between 0 and 2147483648 milliseconds";
    assertThrows(() => letters({ timeLimit }), RangeError, `${message}, got ${timeLimit}`);
  }
  assertThrows(() => letters({ memoryLimit: 0.5 }), RangeError, "memoryLimit must be a positive");
  const both = { permissions: "none", memoryLimit: 64 } as const;
  assertThrows(() => letters(both), TypeError, "does not limit the memory");
  const misspelled = { max: 1, timelimit: 5 };
  assertThrows(
    () => letters(misspelled),
    TypeError,
    'LetterConsumer.threads has no option "timelimit": known are max, timeLimit, memoryLimit',
  );
});

Deno.test("a subclass inherits the settings of its base class", () => {
  class BaseConsumer extends SyncConsumer {
    static override module = import.meta.url;
    static override threads = { max: 0 };
  }
  class SubConsumer extends BaseConsumer {}
  assertThrows(() => SubConsumer.asAsgi(), RangeError, "SubConsumer.threads.max");
  class MendedConsumer extends BaseConsumer {
    static override threads = { max: 1 };
  }
  MendedConsumer.asAsgi();
});

Deno.test("a class that its inherited module does not export is refused with the remedy", async () => {
  class RedLetterConsumer extends LetterConsumer {}
  const consumer = new ThreadedConsumer(RedLetterConsumer.asAsgi());
  await consumer.send("letter.sent");
  const error = await assertRejects(() => consumer.end(), ConsumerConfigurationError);
  assertMatch(
    error.message,
    /RedLetterConsumer .*: its module file:.*consumers\.ts does not export/,
  );
  assertStringIncludes(error.message, '"static override module = import.meta.url"');
});
