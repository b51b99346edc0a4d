import { assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import {
  type Application,
  AsyncConsumer,
  ChannelFullError,
  type ChannelLayer,
  type ChannelScope,
  getChannelLayer,
  MemoryChannelLayer,
  type Message,
} from "@asgi/channels";
import { remaining } from "../helpers/events.ts";
import { useMemoryLayer } from "../helpers/layers.ts";
import { letters } from "../helpers/threads.ts";
import { within } from "../helpers/waiting.ts";
import { startWithoutWaiting } from "../helpers/worker.ts";

const EVENT = { type: "work" };
const WAIT = { waitForCapacity: true };
const REASON = "a handler cannot wait for capacity in the channel that it handles";

const useSmallLayer = () => useMemoryLayer(() => new MemoryChannelLayer({ capacity: 3 }));

/** Runs an application for "letters" with one event, and returns the reply of its handler. */
async function replyOf(
  application: Application<ChannelScope>,
  layer: ChannelLayer,
  type = "fill",
): Promise<Message> {
  const replyTo = layer.newChannel();
  await layer.send("letters", { type, replyTo });
  await using _running = startWithoutWaiting({ layer, channels: ["letters"], application });
  return await within(layer.receive(replyTo), "the reply", 20_000);
}

/** Returns an application that handles its first event, and replies with the outcome. */
function replying(handle: () => Promise<void>): Application<ChannelScope> {
  return async (_scope, receive) => {
    const { replyTo } = await receive();
    const { name, message } = await handle().then(
      () => ({ name: "", message: "" }),
      (error) => error,
    );
    await getChannelLayer().send(String(replyTo), { type: "reply", name, message });
    for (;;) await receive();
  };
}

/** Sends until a channel is full. */
async function fill(channel: string): Promise<void> {
  for (;;) {
    const error = await getChannelLayer().send(channel, EVENT).catch((error) => error);
    if (error) return void assertInstanceOf(error, ChannelFullError);
  }
}

function assertRefused({ name, message }: Message): void {
  assertEquals(name, "ChannelFullError");
  assertStringIncludes(String(message), REASON);
}

Deno.test("a handler that waits for capacity in its own full channel gets a ChannelFullError", async () => {
  await using test = useSmallLayer();
  const application = replying(async () => {
    await fill("letters");
    await getChannelLayer().send("letters", EVENT, WAIT);
  });
  assertRefused(await replyOf(application, test.layer));
});

Deno.test("a handler gets the number of messages that its own channel accepted before it was full", async () => {
  await using test = useSmallLayer();
  let accepted: number | undefined;
  const application = replying(async () => {
    const sending = test.layer.sendMany("letters", Array(5).fill(EVENT), WAIT);
    await sending.catch((error) => accepted = error.accepted);
    await sending;
  });
  assertRefused(await replyOf(application, test.layer));
  assertEquals(accepted, 3);
});

Deno.test("a handler that waits for capacity in its own channel sends while there is capacity", async () => {
  await using test = useSmallLayer();
  const application = replying(() => getChannelLayer().sendMany("letters", [EVENT, EVENT], WAIT));
  assertEquals((await replyOf(application, test.layer)).name, "");
});

Deno.test("a handler waits for capacity in a channel that it doesn't handle", async () => {
  await using test = useSmallLayer();
  const application = replying(async () => {
    await fill("others");
    const sending = getChannelLayer().send("others", { type: "last" }, WAIT);
    await getChannelLayer().receive("others");
    await sending;
  });
  assertEquals((await replyOf(application, test.layer)).name, "");
  assertEquals((await remaining(test.layer, "others")).at(-1), { type: "last" });
});

Deno.test("a handler waits for capacity in a channel of the same name of another layer", async () => {
  await using test = useSmallLayer();
  await using other = new MemoryChannelLayer({ capacity: 1 });
  const application = replying(async () => {
    await other.send("letters", EVENT);
    const sending = other.send("letters", EVENT, WAIT);
    await other.receive("letters");
    await sending;
  });
  assertEquals((await replyOf(application, test.layer)).name, "");
});

class FillingConsumer extends AsyncConsumer {
  async fill({ replyTo }: { type: string; replyTo: string }): Promise<void> {
    await fill(this.scope.channel);
    const sending = this.channelLayer.send(this.scope.channel, EVENT, WAIT);
    const { name, message } = await sending.catch((error) => error);
    await this.channelLayer.send(replyTo, { type: "reply", name, message });
  }
}

Deno.test("an AsyncConsumer that waits for capacity in its own full channel gets a ChannelFullError", async () => {
  await using test = useSmallLayer();
  assertRefused(await replyOf(FillingConsumer.asAsgi(), test.layer));
});

Deno.test("a SyncConsumer that waits for capacity in its own full channel gets a ChannelFullError", async () => {
  await using test = useSmallLayer();
  assertRefused(await replyOf(letters(), test.layer, "fill.own.channel"));
});
