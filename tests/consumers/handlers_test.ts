import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { type Application, AsyncConsumer, type ChannelScope, NoHandlerError } from "@asgi/channels";
import { ApplicationCommunicator } from "@asgi/channels/testing";
import { scope } from "../helpers/applications.ts";

/** Sends an event of each type, and returns the replies of the consumer. */
async function answersTo(
  application: Application<ChannelScope>,
  types: readonly string[],
): Promise<unknown[]> {
  await using communicator = new ApplicationCommunicator(application, scope);
  const answers = [];
  for (const type of types) {
    await communicator.sendInput({ type });
    answers.push((await communicator.receiveOutput()).by);
  }
  return answers;
}

/** Sends an event that no handler may answer. */
async function refusalOf(
  application: Application<ChannelScope>,
  type: string,
): Promise<NoHandlerError> {
  await using communicator = new ApplicationCommunicator(application, scope);
  await communicator.sendInput({ type });
  const error = await assertRejects(() => communicator.wait(), NoHandlerError);
  await assertRejects(() => communicator.receiveNothing(), NoHandlerError);
  return error;
}

class AnsweringConsumer extends AsyncConsumer {
  protected async answer(by: string): Promise<void> {
    await this.send({ type: "answer", by });
  }
}

class LetterConsumer extends AnsweringConsumer {
  async letter_sent(): Promise<void> {
    await this.answer("letter_sent");
  }

  async "letter.opened"(): Promise<void> {
    await this.answer("letter.opened");
  }

  async _private(): Promise<void> {
    await this.answer("_private");
  }

  async ".hidden"(): Promise<void> {
    await this.answer(".hidden");
  }

  async __dunder__(): Promise<void> {
    await this.answer("__dunder__");
  }

  static async stamp(): Promise<void> {
    await Promise.resolve();
  }

  readonly field = async (): Promise<void> => {
    await this.answer("field");
  };

  get property(): string {
    return "property";
  }
}

Deno.test("AsyncConsumer reads each . of a type as _", async () => {
  const answers = await answersTo(LetterConsumer.asAsgi(), ["letter.sent", "letter_sent"]);
  assertEquals(answers, ["letter_sent", "letter_sent"]);
});

Deno.test("AsyncConsumer accepts a quoted method name as the same handler", async () => {
  const answers = await answersTo(LetterConsumer.asAsgi(), ["letter.opened", "letter_opened"]);
  assertEquals(answers, ["letter.opened", "letter.opened"]);
});

Deno.test("AsyncConsumer reads every . of a type, not only the first", async () => {
  class DeepConsumer extends AnsweringConsumer {
    async a_b_c(): Promise<void> {
      await this.answer("a_b_c");
    }
  }
  assertEquals(await answersTo(DeepConsumer.asAsgi(), ["a.b.c", "a_b.c"]), ["a_b_c", "a_b_c"]);
});

Deno.test("AsyncConsumer finds the handlers of the user's whole class chain", async () => {
  class PostcardConsumer extends LetterConsumer {
    async postcard_sent(): Promise<void> {
      await this.answer("postcard_sent");
    }
    override async letter_sent(): Promise<void> {
      await this.answer("letter_sent, overridden");
    }
  }
  const types = ["postcard.sent", "letter.opened", "letter.sent"];
  assertEquals(await answersTo(PostcardConsumer.asAsgi(), types), [
    "postcard_sent",
    "letter.opened",
    "letter_sent, overridden",
  ]);
});

Deno.test("AsyncConsumer doesn't find a subclass's handlers in its superclass", async () => {
  class PostcardConsumer extends LetterConsumer {
    async postcard_sent(): Promise<void> {
      await this.answer("postcard_sent");
    }
  }
  await answersTo(PostcardConsumer.asAsgi(), ["postcard.sent"]);
  await refusalOf(LetterConsumer.asAsgi(), "postcard.sent");
});

Deno.test("AsyncConsumer accepts a user's method with the name of a method of Map", async () => {
  class MapConsumer extends AnsweringConsumer {
    async get(): Promise<void> {
      await this.answer("get");
    }
  }
  assertEquals(await answersTo(MapConsumer.asAsgi(), ["get"]), ["get"]);
});

const UNREACHABLE = [
  "send",
  "dispatch",
  "constructor",
  "__proto__",
  "toString",
  "valueOf",
  "hasOwnProperty",
  "isPrototypeOf",
  "scope",
  "channelLayer",
  "channelName",
  "_private",
  ".private",
  "_hidden",
  ".hidden",
  "__dunder__",
  "..dunder..",
  "asAsgi",
  "stamp",
  "field",
  "property",
  "prototype",
  "letter",
  "letter.sent.",
  "Letter.sent",
  "",
];

for (const type of UNREACHABLE) {
  Deno.test(`AsyncConsumer has no handler for the type ${JSON.stringify(type)}`, async () => {
    const error = await refusalOf(LetterConsumer.asAsgi(), type);
    assertEquals(error.type, type);
  });
}

Deno.test("AsyncConsumer doesn't accept an overridden method of its own as a handler", async () => {
  class OverridingConsumer extends AnsweringConsumer {
    override async send(message: { type: string }): Promise<void> {
      await super.send(message);
    }
    override toString(): string {
      return "An overriding consumer";
    }
  }
  await refusalOf(OverridingConsumer.asAsgi(), "send");
  await refusalOf(OverridingConsumer.asAsgi(), "toString");
});

Deno.test("NoHandlerError names the consumer, the type and the known handlers", async () => {
  const error = await refusalOf(LetterConsumer.asAsgi(), "letter.lost");
  assertEquals(error.name, "NoHandlerError");
  assertEquals(error.consumer, "LetterConsumer");
  assertEquals(error.type, "letter.lost");
  assertEquals(error.known, ["letter_sent", "letter_opened", "answer"]);
  assertStringIncludes(
    error.message,
    'LetterConsumer has no handler for events of type "letter.lost"',
  );
  assertStringIncludes(error.message, "letter_sent, letter_opened, answer");
});

Deno.test("NoHandlerError says when a consumer has no handler at all", async () => {
  class IdleConsumer extends AsyncConsumer {}
  const error = await refusalOf(IdleConsumer.asAsgi(), "letter.sent");
  assertEquals(error.known, []);
  assertStringIncludes(error.message, "it has none");
});

Deno.test("dispatch() passes an event to its handler", async () => {
  const handled: unknown[] = [];
  class LetterConsumer extends AsyncConsumer {
    letter_sent(event: { type: string; pages: number }): void {
      handled.push(event);
    }
  }
  const event = { type: "letter.sent", pages: 2 };
  await new LetterConsumer().dispatch(event);
  assertEquals(handled, [event]);
});

Deno.test("dispatch() rejects with the error of a synchronous handler", async () => {
  class LetterConsumer extends AsyncConsumer {
    letter_sent(): void {
      throw new RangeError("No stamp");
    }
  }
  const consumer = new LetterConsumer();
  await assertRejects(() => consumer.dispatch({ type: "letter.sent" }), RangeError, "No stamp");
  await assertRejects(() => consumer.dispatch({ type: "letter.lost" }), NoHandlerError);
});
