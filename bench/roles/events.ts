import type { Message } from "@asgi/channels";

/** A small event that is only counted, or with `bytes` one of about that size. */
export function countedEvent(id: number, bytes = 0): Message {
  const event = { type: "bench.count", id: 123_456_789 + id };
  return bytes === 0 ? event : { ...event, text: textOf(bytes) };
}

/** An event that says when it was sent, of about that size. */
export function timedEvent(sentAt: number, bytes = 0): Message {
  const event = { type: "bench.timed", sentAt };
  return bytes === 0 ? event : { ...event, text: textOf(bytes) };
}

let text = "";

function textOf(length: number): string {
  if (text.length !== length) text = "x".repeat(length);
  return text;
}
