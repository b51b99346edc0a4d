import { assertEquals, assertMatch, assertRejects, assertStrictEquals } from "@std/assert";
import {
  LayerConfigurationError,
  LayerUnavailableError,
  type LocalChannel,
  type Message,
  NoHandlerError,
  type ReceiveOptions,
} from "@asgi/channels";
import { ApplicationCommunicator } from "@asgi/channels/testing";
import { ForwardingLayer, useMemoryLayer } from "../helpers/layers.ts";
import { pause, within } from "../helpers/waiting.ts";
import { range } from "../helpers/events.ts";
import { scope } from "../helpers/applications.ts";
import { channelOf, LetterConsumer } from "./letter_consumer.ts";

/** Counts the calls that open and listen to a consumer's own channel. */
class CountingLayer extends ForwardingLayer {
  made = 0;
  listening = 0;

  override newChannel(prefix?: string): LocalChannel {
    this.made++;
    return super.newChannel(prefix);
  }

  override async receive(channel: string, options?: ReceiveOptions): Promise<Message> {
    this.listening++;
    try {
      return await super.receive(channel, options);
    } finally {
      this.listening--;
    }
  }
}

Deno.test("channelName is created, and listened to, at its first use", async () => {
  let counts: CountingLayer | undefined;
  await using _test = useMemoryLayer((layer) => counts = new CountingLayer(layer));
  await using communicator = new ApplicationCommunicator(LetterConsumer.asAsgi(), scope);
  await communicator.sendInput({ type: "letter.sent", text: "Hello" });
  await communicator.receiveOutput();
  assertEquals([counts?.made, counts?.listening], [0, 0]);
  const name = await channelOf(communicator);
  assertEquals([counts?.made, counts?.listening], [1, 1]);
  assertStrictEquals(await channelOf(communicator), name);
  assertEquals([counts?.made, counts?.listening], [1, 1]);
});

Deno.test("channelName is a process-local name, unique to each instance", async () => {
  await using _test = useMemoryLayer();
  const application = LetterConsumer.asAsgi();
  await using one = new ApplicationCommunicator(application, scope);
  await using other = new ApplicationCommunicator(application, scope);
  const names = [await channelOf(one), await channelOf(other)];
  for (const name of names) assertMatch(name, /^specific\.[0-9a-f]{32}![0-9a-f]{32}$/);
  assertEquals(new Set(names).size, 2);
});

Deno.test("events of the own channel are handled like any other event, in order", async () => {
  await using test = useMemoryLayer();
  await using communicator = new ApplicationCommunicator(LetterConsumer.asAsgi(), scope);
  const name = await channelOf(communicator);
  for (const text of ["one", "two", "three"]) {
    await test.layer.send(name, { type: "letter.sent", text });
  }
  for (const text of ["one", "two", "three"]) {
    assertEquals(await communicator.receiveOutput(), { type: "read", text });
  }
});

Deno.test("the server's events are handled while the own channel is open", async () => {
  await using test = useMemoryLayer();
  await using communicator = new ApplicationCommunicator(LetterConsumer.asAsgi(), scope);
  const name = await channelOf(communicator);
  await communicator.sendInput({ type: "letter.sent", text: "by the server" });
  assertEquals(await communicator.receiveOutput(), { type: "read", text: "by the server" });
  await test.layer.send(name, { type: "letter.sent", text: "by the layer" });
  assertEquals(await communicator.receiveOutput(), { type: "read", text: "by the layer" });
  await communicator.sendInput({ type: "letter.sent", text: "by the server" });
  assertEquals(await communicator.receiveOutput(), { type: "read", text: "by the server" });
});

Deno.test("a group reaches the own channels of its members", async () => {
  await using test = useMemoryLayer();
  const application = LetterConsumer.asAsgi();
  await using one = new ApplicationCommunicator(application, scope);
  await using other = new ApplicationCommunicator(application, scope);
  await using stranger = new ApplicationCommunicator(application, scope);
  for (const member of [one, other]) {
    await member.sendInput({ type: "group.join", group: "readers" });
    await member.receiveOutput();
  }
  await channelOf(stranger);
  await test.layer.groupSend("readers", { type: "letter.sent", text: "To all" });
  assertEquals(await one.receiveOutput(), { type: "read", text: "To all" });
  assertEquals(await other.receiveOutput(), { type: "read", text: "To all" });
  assertEquals(await stranger.receiveNothing({ timeout: 5 }), true);
});

Deno.test("handlers of both sources never overlap, and each event is handled once", async () => {
  await using test = useMemoryLayer();
  let running = 0;
  let most = 0;
  class CarefulConsumer extends LetterConsumer {
    async work({ number }: { type: string; number: number }): Promise<void> {
      most = Math.max(most, ++running);
      for (let turns = 0; turns < number % 4; turns++) await Promise.resolve();
      if (number % 10 === 0) await pause(0);
      running--;
      await this.send({ type: "worked", number });
    }
  }
  await using communicator = new ApplicationCommunicator(CarefulConsumer.asAsgi(), scope);
  const name = await channelOf(communicator);
  for (let number = 0; number < 80; number += 2) {
    await communicator.sendInput({ type: "work", number });
    await test.layer.send(name, { type: "work", number: number + 1 });
  }
  const numbers: number[] = [];
  while (numbers.length < 80) numbers.push(Number((await communicator.receiveOutput()).number));
  assertEquals(most, 1);
  assertEquals(numbers.toSorted((a, b) => a - b), range(80));
  const isSorted = (half: number[]) => half.every((n, i) => i === 0 || n > (half[i - 1] ?? 0));
  assertEquals(isSorted(numbers.filter((n) => n % 2 === 0)), true);
  assertEquals(isSorted(numbers.filter((n) => n % 2 === 1)), true);
});

Deno.test("StopConsumer thrown for the own channel ends the consumer quietly", async () => {
  await using test = useMemoryLayer();
  await using communicator = new ApplicationCommunicator(LetterConsumer.asAsgi(), scope);
  await test.layer.send(await channelOf(communicator), { type: "stop" });
  await communicator.wait();
});

Deno.test("a handler that fails for the own channel ends the application with its error", async () => {
  await using test = useMemoryLayer();
  await using communicator = new ApplicationCommunicator(LetterConsumer.asAsgi(), scope);
  await test.layer.send(await channelOf(communicator), { type: "fail" });
  await assertRejects(() => communicator.wait(), RangeError, "No stamp");
});

Deno.test("an event without a handler on the own channel ends the application", async () => {
  await using test = useMemoryLayer();
  await using communicator = new ApplicationCommunicator(LetterConsumer.asAsgi(), scope);
  await test.layer.send(await channelOf(communicator), { type: "dispatch" });
  await assertRejects(() => communicator.wait(), NoHandlerError, "dispatch");
});

Deno.test("the own channel is no longer listened to after the consumer has ended", async () => {
  let counts: CountingLayer | undefined;
  await using test = useMemoryLayer((layer) => counts = new CountingLayer(layer));
  const communicator = new ApplicationCommunicator(LetterConsumer.asAsgi(), scope);
  const name = await channelOf(communicator);
  assertEquals(counts?.listening, 1);
  await communicator.stop();
  assertEquals(counts?.listening, 0);
  await test.layer.send(name, { type: "letter.sent", text: "Too late" });
  assertEquals(await communicator.receiveNothing({ timeout: 5 }), true);
});

Deno.test("the own channel is no longer listened to after an event of the server has failed", async () => {
  let counts: CountingLayer | undefined;
  await using _test = useMemoryLayer((layer) => counts = new CountingLayer(layer));
  await using communicator = new ApplicationCommunicator(LetterConsumer.asAsgi(), scope);
  await channelOf(communicator);
  await communicator.sendInput({ type: "fail" });
  await assertRejects(() => communicator.wait(), RangeError);
  assertEquals(counts?.listening, 0);
});

/** Fails a number of times to receive, and then works. */
class FailingLayer extends ForwardingLayer {
  readonly errors: Error[] = [];
  readonly back = Promise.withResolvers<void>();

  override receive(channel: string, options?: ReceiveOptions): Promise<Message> {
    const error = this.errors.shift();
    if (error) return Promise.reject(error);
    this.back.resolve();
    return super.receive(channel, options);
  }
}

Deno.test("the own channel survives a temporarily unavailable layer", async () => {
  let failing: FailingLayer | undefined;
  await using test = useMemoryLayer((layer) => failing = new FailingLayer(layer));
  failing?.errors.push(new LayerUnavailableError({ layer: "memory:", reason: "It is away" }));
  await using communicator = new ApplicationCommunicator(LetterConsumer.asAsgi(), scope);
  await test.layer.send(await channelOf(communicator), { type: "letter.sent", text: "Hello" });
  await within(failing?.back.promise ?? Promise.reject(), "the layer to be asked again");
  assertEquals(await communicator.receiveOutput(), { type: "read", text: "Hello" });
});

Deno.test("stop() doesn't wait for an unavailable layer", async () => {
  let failing: FailingLayer | undefined;
  await using _test = useMemoryLayer((layer) => failing = new FailingLayer(layer));
  failing?.errors.push(new LayerUnavailableError({ layer: "memory:", reason: "It is away" }));
  const communicator = new ApplicationCommunicator(LetterConsumer.asAsgi(), scope);
  await channelOf(communicator);
  await communicator.stop();
});

Deno.test("a LayerConfigurationError rejects the application", async () => {
  let failing: FailingLayer | undefined;
  await using _test = useMemoryLayer((layer) => failing = new FailingLayer(layer));
  failing?.errors.push(
    new LayerConfigurationError({ layer: "memory:", reason: "It needs a password" }),
  );
  await using communicator = new ApplicationCommunicator(LetterConsumer.asAsgi(), scope);
  await channelOf(communicator);
  await assertRejects(() => communicator.wait(), LayerConfigurationError, "password");
});
