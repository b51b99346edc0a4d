/** What a sender may send where. */
import {
  type AnyMessage,
  type ChannelLayer,
  type EventsOf,
  getChannelLayer,
  MemoryChannelLayer,
  type SyncChannelLayer,
  Worker,
} from "@asgi/channels";
import { ApplicationCommunicator } from "@asgi/channels/testing";
import { type Channels, type Generate, type Letter, type Node, ThumbnailConsumer } from "./app.ts";
import { application } from "./app.ts";

interface Groups {
  everybody: { type: "news"; text: string };
  [room: `room-${string}`]: { type: "joined"; name: string };
}

const layer = getChannelLayer<Channels, Groups>();

export async function accepted(generate: Generate, node: Node, letter: Letter): Promise<void> {
  await layer.send("thumbnails", { type: "generate", id: 1 });
  await layer.send("thumbnails", { type: "generate", id: 1, sizes: [1, 2] });
  await layer.send("thumbnails", generate);
  await layer.send("thumbnails", { type: "delete.all", reason: "old" });
  await layer.send("thumbnails", { type: "delete_all" });
  await layer.send("thumbnails", { type: "rename", to: "x" });
  await layer.send("thumbnails", { type: "quoted.name", exact: 1n });
  await layer.send("thumbnails", { type: "quoted_name", exact: 1n });
  await layer.send("thumbnails", { type: "tick" });
  await layer.send("thumbnails", node);
  await layer.send("thumbnails", { type: "untyped", data: new Uint8Array(), when: null });
  await layer.send("archive", { type: "archive", year: 2026 });
  await layer.send("archive", { type: "generate", id: 1 });
  await layer.send("palettes", { type: "palette", pixels: new Uint8Array(), replyTo: "x" });
  await layer.send("letters", { type: "letter.sent", text: "Hello" });
  await layer.send("letters", letter);
  await layer.send("anything", { type: "whatever", at: 1 });
  await layer.send("inline", { type: "whatever", at: 1 });
  await layer.send("thumbnails", { type: "tick" }, { waitForCapacity: true, timeout: 100 });
  await layer.sendMany("thumbnails", [{ type: "tick" }, generate]);
  await layer.send("specific.abc!def", { type: "whatever", at: 1 });
  await layer.send(layer.newChannel() as `${string}!${string}`, { type: "whatever" });
  await layer.groupSend("everybody", { type: "news", text: "Hello" });
  await layer.groupSend("room-5", { type: "joined", name: "Ann" });
  for await (const news of await layer.subscribe("everybody")) news.text.toUpperCase();
  for await (const event of await layer.subscribe(["everybody", "room-5"])) {
    if (event.type === "joined") event.name.toUpperCase();
  }
  for await (const reply of await layer.subscribe()) String(reply["anything"]);
  for await (const event of await getChannelLayer().subscribe("any")) String(event["anything"]);
}

export async function rejected(): Promise<void> {
  // @ts-expect-error The id is a number.
  await layer.send("thumbnails", { type: "generate", id: "1" });
  // @ts-expect-error A field is missing.
  await layer.send("thumbnails", { type: "generate" });
  // @ts-expect-error There is no such field.
  await layer.send("thumbnails", { type: "generate", id: 1, colour: "red" });
  // @ts-expect-error The type is misspelled.
  await layer.send("thumbnails", { type: "generat", id: 1 });
  // @ts-expect-error The type is missing.
  await layer.send("thumbnails", { id: 1 });
  // @ts-expect-error The group is misspelled.
  await layer.subscribe("everybodyy");
  // @ts-expect-error One of the groups is misspelled.
  await layer.subscribe(["everybody", "rom-5"]);
  // @ts-expect-error The event of the group has no such field.
  for await (const news of await layer.subscribe("everybody")) String(news.name);
  // @ts-expect-error The channel is misspelled.
  await layer.send("thumbnials", { type: "generate", id: 1 });
  // @ts-expect-error It is the event of another channel.
  await layer.send("letters", { type: "generate", id: 1 });
  // @ts-expect-error A base class does not handle it.
  await layer.send("thumbnails", { type: "archive", year: 2026 });
  // @ts-expect-error It is the field of the other event of the union.
  await layer.send("letters", { type: "letter.read", text: "Hello" });
  // @ts-expect-error The handler takes no field.
  await layer.send("thumbnails", { type: "tick", at: 1 });
  // @ts-expect-error The method is protected.
  await layer.send("thumbnails", { type: "help" });
  // @ts-expect-error A name with a leading _ is no handler.
  await layer.send("thumbnails", { type: "_internal" });
  // @ts-expect-error A method of the base class is no handler.
  await layer.send("thumbnails", { type: "dispatch" });
  // @ts-expect-error A constructor is no handler.
  await layer.send("thumbnails", { type: "constructor" });
  // @ts-expect-error The second message is wrong.
  await layer.sendMany("thumbnails", [{ type: "tick" }, { type: "tock" }]);
  // @ts-expect-error A timeout is a number.
  await layer.send("thumbnails", { type: "tick" }, { timeout: "1" });
  // @ts-expect-error There is no such group.
  await layer.groupSend("nobody", { type: "news", text: "Hello" });
  // @ts-expect-error It is the event of another group.
  await layer.groupSend("room-5", { type: "news", text: "Hello" });
  // @ts-expect-error A Date cannot be sent.
  await layer.send("thumbnails", { type: "untyped", data: new Uint8Array(), when: new Date() });
}

export function onThreads(sync: SyncChannelLayer<Channels, Groups>): void {
  sync.send("thumbnails", { type: "tick" });
  sync.sendMany("letters", [{ type: "letter.read", by: 1 }]);
  sync.groupSend("everybody", { type: "news", text: "Hello" });
  // @ts-expect-error The type is misspelled.
  sync.send("thumbnails", { type: "tock" });
  // @ts-expect-error The text is missing.
  sync.groupSend("everybody", { type: "news" });
}

/** Without type parameters, everything is accepted. */
export async function permissive(generate: Generate, any: AnyMessage): Promise<void> {
  const anywhere = getChannelLayer();
  await anywhere.send("thumbnails", { type: "whatever", id: "1" });
  await anywhere.send("thumbnails", generate);
  await anywhere.send("thumbnails", any);
  await anywhere.sendMany("thumbnails", [generate, { type: "whatever", at: 1 }]);
  await anywhere.groupSend("anybody", generate);
  // @ts-expect-error A message is an object with a type.
  await anywhere.send("thumbnails", { id: 1 });
  // @ts-expect-error A type is a string.
  await anywhere.send("thumbnails", { type: 1 });
}

/** A typed layer is a layer, and a layer serves as a typed one. */
export function layers(typed: ChannelLayer<Channels>): void {
  typed satisfies ChannelLayer;
  new MemoryChannelLayer() satisfies ChannelLayer<Channels>;
  new Worker({ application, layer: typed, channels: ["thumbnails"] });
}

export async function communicators(): Promise<void> {
  const scope = { type: "channel", channel: "thumbnails" } as const;
  const one = new ApplicationCommunicator(ThumbnailConsumer.asAsgi("pictures"), scope);
  await one.sendInput({ type: "generate", id: 1 });
  // @ts-expect-error The id is a number.
  await one.sendInput({ type: "generate", id: "1" });
  const all = new ApplicationCommunicator(application, scope);
  await all.sendInput({ type: "palette", pixels: new Uint8Array(), replyTo: "x" });
  const plain = new ApplicationCommunicator<typeof scope, Letter>(async () => {}, scope);
  await plain.sendInput({ type: "letter.read", by: 1 });
  // @ts-expect-error It is the field of the other event.
  await plain.sendInput({ type: "letter.read", text: "Hello" });
}

export const events: readonly EventsOf<typeof ThumbnailConsumer>[] = [
  { type: "tick" },
  { type: "generate", id: 1 },
  // @ts-expect-error The type is misspelled.
  { type: "tock" },
];
