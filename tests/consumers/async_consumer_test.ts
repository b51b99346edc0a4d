import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  type Application,
  AsyncConsumer,
  type ChannelScope,
  closeChannelLayers,
  configureChannelLayers,
  MemoryChannelLayer,
  StopConsumer,
} from "@asgi/channels";
import type { ScopeOf } from "@asgi/channels/protocol";
import { ApplicationCommunicator } from "@asgi/channels/testing";
import { useMemoryLayer } from "../helpers/layers.ts";
import { scope } from "../helpers/applications.ts";

Deno.test("asAsgi() creates a new instance for each scope, with its arguments", async () => {
  const made: string[] = [];
  class StampConsumer extends AsyncConsumer {
    readonly #stamp: string;
    #count = 0;
    constructor(stamp: string, price: number) {
      super();
      this.#stamp = `${stamp} at ${price}`;
      made.push(this.#stamp);
    }
    async letter_sent(): Promise<void> {
      await this.send({ type: "stamped", stamp: this.#stamp, count: ++this.#count });
    }
  }
  const application = StampConsumer.asAsgi("red", 5);
  assertEquals(made, []);
  for (let scopes = 1; scopes <= 2; scopes++) {
    await using communicator = new ApplicationCommunicator(application, scope);
    for (let count = 1; count <= 2; count++) {
      await communicator.sendInput({ type: "letter.sent" });
      const expected = { type: "stamped", stamp: "red at 5", count };
      assertEquals(await communicator.receiveOutput(), expected);
    }
    assertEquals(made.length, scopes);
  }
});

Deno.test("asAsgi() accepts the arguments of the constructor, and no others", () => {
  class StampConsumer extends AsyncConsumer {
    constructor(readonly stamp: string) {
      super();
    }
  }
  StampConsumer.asAsgi("red") satisfies Application<ChannelScope>;
  // @ts-expect-error The stamp is missing.
  StampConsumer.asAsgi();
  // @ts-expect-error A stamp is a string.
  StampConsumer.asAsgi(5);
});

Deno.test("asAsgi() returns an application of the consumer's scope", () => {
  class LifespanConsumer extends AsyncConsumer<ScopeOf<"lifespan">> {}
  LifespanConsumer.asAsgi() satisfies Application<ScopeOf<"lifespan">>;
  // @ts-expect-error It can't take the scope of a channel.
  LifespanConsumer.asAsgi() satisfies Application<ChannelScope>;
});

Deno.test("a handler declares the type of its events, without any", async () => {
  class LetterConsumer extends AsyncConsumer {
    async letter_sent({ text, pages }: { type: string; text: string; pages: number }) {
      await this.send({ type: "read", text: text.toUpperCase(), pages: pages + 1 });
    }
  }
  await using communicator = new ApplicationCommunicator(LetterConsumer.asAsgi(), scope);
  await communicator.sendInput({ type: "letter.sent", text: "hello", pages: 1 });
  assertEquals(await communicator.receiveOutput(), { type: "read", text: "HELLO", pages: 2 });
});

Deno.test("scope is the scope of the server", async () => {
  class LetterConsumer extends AsyncConsumer {
    async letter_sent(): Promise<void> {
      await this.send({ type: "scope", same: this.scope === scope, channel: this.scope.channel });
    }
  }
  await using communicator = new ApplicationCommunicator(LetterConsumer.asAsgi(), scope);
  await communicator.sendInput({ type: "letter.sent" });
  const expected = { type: "scope", same: true, channel: "letters" };
  assertEquals(await communicator.receiveOutput(), expected);
});

Deno.test("scope and send() throw before asAsgi() runs the consumer", async () => {
  class LetterConsumer extends AsyncConsumer {}
  const consumer = new LetterConsumer();
  assertThrows(() => consumer.scope, TypeError, "asAsgi()");
  await assertRejects(() => consumer.send({ type: "letter.sent" }), TypeError, "asAsgi()");
});

Deno.test("channelLayer is the default layer", async () => {
  await using test = useMemoryLayer();
  class LetterConsumer extends AsyncConsumer {
    async letter_sent(): Promise<void> {
      await this.channelLayer.send("archive", { type: "letter.kept", from: this.scope.channel });
    }
  }
  await using communicator = new ApplicationCommunicator(LetterConsumer.asAsgi(), scope);
  await communicator.sendInput({ type: "letter.sent" });
  assertEquals(await test.layer.receive("archive"), { type: "letter.kept", from: "letters" });
});

Deno.test("channelLayer is the layer of the class's alias", async () => {
  const other = new MemoryChannelLayer();
  configureChannelLayers({ other });
  class OtherConsumer extends AsyncConsumer {
    static override readonly channelLayerAlias = "other";
    is_other(): void {
      assertStrictEquals(this.channelLayer, other);
      throw new StopConsumer();
    }
  }
  await using communicator = new ApplicationCommunicator(OtherConsumer.asAsgi(), scope);
  await communicator.sendInput({ type: "is.other" });
  await communicator.wait();
  await closeChannelLayers();
  configureChannelLayers({});
});

Deno.test("handlers run one at a time, in the order of their events", async () => {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  class OrderConsumer extends AsyncConsumer {
    async slow(): Promise<void> {
      await this.send({ type: "slow begins" });
      await opened;
      await this.send({ type: "slow ends" });
    }
    async quick(): Promise<void> {
      await this.send({ type: "quick" });
    }
  }
  await using communicator = new ApplicationCommunicator(OrderConsumer.asAsgi(), scope);
  await communicator.sendInput({ type: "slow" });
  await communicator.sendInput({ type: "quick" });
  assertEquals(await communicator.receiveOutput(), { type: "slow begins" });
  assertEquals(await communicator.receiveNothing({ timeout: 1 }), true);
  open();
  assertEquals(await communicator.receiveOutput(), { type: "slow ends" });
  assertEquals(await communicator.receiveOutput(), { type: "quick" });
});

Deno.test("an error of a handler rejects the application", async () => {
  class FailingConsumer extends AsyncConsumer {
    letter_sent(): never {
      throw new RangeError("No stamp");
    }
  }
  await using communicator = new ApplicationCommunicator(FailingConsumer.asAsgi(), scope);
  await communicator.sendInput({ type: "letter.sent" });
  await assertRejects(() => communicator.wait(), RangeError, "No stamp");
});

Deno.test("StopConsumer ends the consumer quietly", async () => {
  class OnceConsumer extends AsyncConsumer {
    async letter_sent(): Promise<void> {
      await this.send({ type: "read" });
      throw new StopConsumer();
    }
  }
  await using communicator = new ApplicationCommunicator(OnceConsumer.asAsgi(), scope);
  await communicator.sendInput({ type: "letter.sent" });
  await communicator.sendInput({ type: "letter.sent" });
  await communicator.wait();
  assertEquals(await communicator.receiveOutput(), { type: "read" });
  assertEquals(await communicator.receiveNothing({ timeout: 1 }), true);
});
