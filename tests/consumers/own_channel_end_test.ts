import { assertEquals, assertRejects } from "@std/assert";
import { type Drop, MemoryChannelLayer, StopConsumer } from "@asgi/channels";
import { ApplicationCommunicator } from "@asgi/channels/testing";
import { scope } from "../helpers/applications.ts";
import { useMemoryLayer } from "../helpers/layers.ts";
import { channelOf, LetterConsumer } from "./letter_consumer.ts";

/** Handles an event of its own channel until the test opens the gate. */
class BusyConsumer extends LetterConsumer {
  static gate = Promise.withResolvers<void>();

  async busy_then_fail(): Promise<void> {
    await this.send({ type: "busy" });
    await BusyConsumer.gate.promise;
    throw new RangeError("No stamp");
  }

  async busy_then_stop(): Promise<void> {
    await this.send({ type: "busy" });
    await BusyConsumer.gate.promise;
    throw new StopConsumer();
  }

  async busy(): Promise<void> {
    await this.send({ type: "busy" });
    await BusyConsumer.gate.promise;
    await this.send({ type: "done" });
  }
}

Deno.test("a failure of the own channel doesn't lose the waiting event", async () => {
  BusyConsumer.gate = Promise.withResolvers();
  await using test = useMemoryLayer();
  await using communicator = new ApplicationCommunicator(BusyConsumer.asAsgi(), scope);
  await test.layer.send(await channelOf(communicator), { type: "busy.then.fail" });
  assertEquals(await communicator.receiveOutput(), { type: "busy" });
  await communicator.sendInput({ type: "letter.sent", text: "in between" });
  assertEquals(await communicator.receiveNothing({ timeout: 1 }), true);
  BusyConsumer.gate.resolve();
  await assertRejects(() => communicator.wait(), RangeError, "No stamp");
  assertEquals(await communicator.receiveOutput(), { type: "read", text: "in between" });
});

Deno.test("a failure of the own channel ends the application after the event that waited", async () => {
  BusyConsumer.gate = Promise.withResolvers();
  const second = Promise.withResolvers<void>();
  class SlowConsumer extends BusyConsumer {
    async slow(): Promise<void> {
      await this.send({ type: "slow begins" });
      await second.promise;
      await this.send({ type: "slow ends" });
    }
  }
  await using test = useMemoryLayer();
  await using communicator = new ApplicationCommunicator(SlowConsumer.asAsgi(), scope);
  await test.layer.send(await channelOf(communicator), { type: "busy.then.fail" });
  assertEquals(await communicator.receiveOutput(), { type: "busy" });
  await communicator.sendInput({ type: "slow" });
  BusyConsumer.gate.resolve();
  assertEquals(await communicator.receiveOutput(), { type: "slow begins" });
  assertEquals(await communicator.receiveNothing({ timeout: 5 }), true);
  second.resolve();
  await assertRejects(() => communicator.wait(), RangeError, "No stamp");
  assertEquals(await communicator.receiveOutput(), { type: "slow ends" });
});

Deno.test("a StopConsumer of the own channel doesn't lose the waiting event", async () => {
  BusyConsumer.gate = Promise.withResolvers();
  await using test = useMemoryLayer();
  await using communicator = new ApplicationCommunicator(BusyConsumer.asAsgi(), scope);
  await test.layer.send(await channelOf(communicator), { type: "busy.then.stop" });
  assertEquals(await communicator.receiveOutput(), { type: "busy" });
  await communicator.sendInput({ type: "letter.sent", text: "in between" });
  BusyConsumer.gate.resolve();
  await communicator.wait();
  assertEquals(await communicator.receiveOutput(), { type: "read", text: "in between" });
});

Deno.test("an event sent in the same turn as a failure of the own channel is handled", async () => {
  BusyConsumer.gate = Promise.withResolvers();
  await using test = useMemoryLayer();
  await using communicator = new ApplicationCommunicator(BusyConsumer.asAsgi(), scope);
  await test.layer.send(await channelOf(communicator), { type: "busy.then.fail" });
  assertEquals(await communicator.receiveOutput(), { type: "busy" });
  BusyConsumer.gate.resolve();
  await communicator.sendInput({ type: "letter.sent", text: "at once" });
  await assertRejects(() => communicator.wait(), RangeError, "No stamp");
  assertEquals(await communicator.receiveOutput(), { type: "read", text: "at once" });
});

Deno.test("stop() waits for the running handler of the own channel", async () => {
  BusyConsumer.gate = Promise.withResolvers();
  await using test = useMemoryLayer();
  const communicator = new ApplicationCommunicator(BusyConsumer.asAsgi(), scope);
  await test.layer.send(await channelOf(communicator), { type: "busy" });
  assertEquals(await communicator.receiveOutput(), { type: "busy" });
  let ended = false;
  const stopped = communicator.stop().then(() => ended = true);
  assertEquals(await communicator.receiveNothing({ timeout: 1 }), true);
  assertEquals(ended, false);
  BusyConsumer.gate.resolve();
  await stopped;
  assertEquals(await communicator.receiveOutput(), { type: "done" });
});

Deno.test("stop() rejects with the error of the own channel's handler", async () => {
  BusyConsumer.gate = Promise.withResolvers();
  await using test = useMemoryLayer();
  const communicator = new ApplicationCommunicator(BusyConsumer.asAsgi(), scope);
  await test.layer.send(await channelOf(communicator), { type: "busy.then.fail" });
  assertEquals(await communicator.receiveOutput(), { type: "busy" });
  const stopped = communicator.stop();
  BusyConsumer.gate.resolve();
  await assertRejects(() => stopped, RangeError, "No stamp");
});

/** Has the default layer keep what it drops, and receive from a channel that isn't a consumer's. */
function useDroppingLayer() {
  const drops: Drop[] = [];
  const layer = new MemoryChannelLayer({ onDrop: (drop) => drops.push(drop) });
  const live = layer.newChannel();
  /** Brings what was sent to other channels into this process. */
  const flow = async () => {
    await layer.send(live, { type: "letter.sent" });
    await layer.receive(live);
  };
  return { drops, flow, ...useMemoryLayer(() => layer) };
}

Deno.test("a message for a consumer that has ended is dropped, and reported", async () => {
  await using test = useDroppingLayer();
  const communicator = new ApplicationCommunicator(LetterConsumer.asAsgi(), scope);
  const name = await channelOf(communicator);
  await communicator.sendInput({ type: "group.join", group: "readers" });
  await communicator.receiveOutput();
  await communicator.stop();
  await test.layer.send(name, { type: "letter.sent", text: "Too late" });
  await test.layer.groupSend("readers", { type: "letter.sent", text: "Too late" });
  await test.flow();
  // The consumer has left the group: only the first message was addressed to it.
  const reason = "its consumer or subscription has ended";
  assertEquals(test.drops, [{ channel: name, reason }]);
});

Deno.test("the end of a consumer drops what waits in its own channel", async () => {
  BusyConsumer.gate = Promise.withResolvers();
  await using test = useDroppingLayer();
  const communicator = new ApplicationCommunicator(BusyConsumer.asAsgi(), scope);
  const name = await channelOf(communicator);
  await test.layer.send(name, { type: "busy.then.stop" });
  assertEquals(await communicator.receiveOutput(), { type: "busy" });
  await test.layer.sendMany(name, [{ type: "letter.sent" }, { type: "letter.sent" }]);
  await test.flow();
  assertEquals(test.drops, []);
  BusyConsumer.gate.resolve();
  await communicator.wait();
  assertEquals(test.drops.map(({ channel }) => channel), [name, name]);
});
