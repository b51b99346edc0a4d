import { assertEquals, assertRejects } from "@std/assert";
import { MessageTooLargeError } from "../../errors/mod.ts";
import type { ChannelLayer } from "../../layers/mod.ts";
import type { Message } from "../../protocol/mod.ts";
import type { LayerCase } from "./case.ts";
import { drain, event } from "./events.ts";
import { assertSame } from "./same_value.ts";

const LARGEST = 1_048_576;

/** The maximum size of a message. */
export const sizeCases: readonly LayerCase[] = [
  {
    name: "send() accepts a message of 1 MiB and rejects one more byte",
    async run(backend) {
      const layer = backend.connect();
      const most = await mostBytes(layer);
      await layer.send("letters", withBytes(most));
      assertSame(await layer.receive("letters"), withBytes(most));
      await assertTooLarge(() => layer.send("letters", withBytes(most + 1)), LARGEST + 1);
    },
  },
  {
    name: "send() accepts a message of 1 MiB to a process-local channel",
    async run(backend) {
      const layer = backend.connect();
      const channel = layer.newChannel();
      const message = withBytes(await mostBytes(layer));
      await layer.send(channel, message);
      assertSame(await layer.receive(channel), message);
    },
  },
  {
    name: "sendMany() sends nothing if one of its messages is too large",
    async run(backend) {
      const layer = backend.connect();
      const messages = [event(1), withBytes(LARGEST)];
      await assertRejects(() => layer.sendMany("letters", messages), MessageTooLargeError);
      assertEquals(await drain(layer, "letters"), []);
    },
  },
  {
    name: "sendMany() accepts messages whose total size exceeds 1 MiB",
    async run(backend) {
      const layer = backend.connect();
      const messages = [1, 2, 3, 4, 5, 6].map((n) => ({ ...withBytes(900_000), n }));
      await layer.sendMany("letters", messages);
      for (const message of messages) assertSame(await layer.receive("letters"), message);
    },
  },
  {
    name: "groupSend() rejects a message that is too large",
    async run(backend) {
      const layer = backend.connect();
      await layer.groupAdd("readers", "letters");
      await assertRejects(
        () => layer.groupSend("readers", withBytes(LARGEST)),
        MessageTooLargeError,
      );
      assertEquals(await drain(layer, "letters"), []);
    },
  },
];

function withBytes(length: number): Message {
  return { type: "test.event", bytes: new Uint8Array(length).fill(7) };
}

/** Returns how many bytes a message may contain. The error tells how many the encoding adds. */
async function mostBytes(layer: ChannelLayer): Promise<number> {
  const error = await assertRejects(
    () => layer.send("letters", withBytes(LARGEST)),
    MessageTooLargeError,
  );
  assertEquals(error.limit, LARGEST);
  return LARGEST - (error.size - LARGEST);
}

async function assertTooLarge(send: () => Promise<void>, size: number): Promise<void> {
  const error = await assertRejects(send, MessageTooLargeError);
  assertEquals([error.size, error.limit], [size, LARGEST]);
}
