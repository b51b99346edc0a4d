import type { HeaderPairs } from "../../protocol/mod.ts";

/** Header fields: an object, pairs, or what else `new Headers()` takes. */
export type ResponseHeaders = HeadersInit | HeaderPairs;

const encoder = new TextEncoder();

/** Returns the bytes of a body; text is encoded as UTF-8. */
export function bytesOf(body: string | Uint8Array): Uint8Array {
  return typeof body === "string" ? encoder.encode(body) : body;
}

/** Returns header fields as pairs, with the names in lower case. */
export function headerPairs(headers: ResponseHeaders | undefined): HeaderPairs {
  return [...new Headers(headers as HeadersInit | undefined)];
}

/** Returns the header fields of a response: a text has a type by default. */
export function headersFor(
  body: string | Uint8Array,
  headers: ResponseHeaders | undefined,
): HeaderPairs {
  const fields = new Headers(headers as HeadersInit | undefined);
  if (typeof body === "string" && body !== "" && !fields.has("content-type")) {
    fields.set("content-type", "text/plain; charset=utf-8");
  }
  return [...fields];
}
