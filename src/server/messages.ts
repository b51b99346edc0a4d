import type { HeaderPairs } from "../protocol/mod.ts";

/** A message that an application has sent: its content is not trusted. */
export type Untrusted = Readonly<Record<string, unknown>>;

/**
 * Reads a message of any protocol.
 *
 * @throws {TypeError} If it is not an object.
 */
export function readMessage(message: unknown): Untrusted {
  if (typeof message === "object" && message !== null) return message as Untrusted;
  throw new TypeError(`A message must be an object with a type, got ${shown(message)}`);
}

/** The start of a response, checked. */
export interface ResponseStart {
  readonly status: number;
  readonly headers: Headers;
}

/**
 * Reads an `http.response.start` or `websocket.http.response.start`.
 *
 * @throws {TypeError} If a value is missing or invalid.
 */
export function readResponseStart({ type, status, headers }: Untrusted): ResponseStart {
  const isStatus = typeof status === "number" && Number.isInteger(status) && status >= 200 &&
    status <= 599;
  if (!isStatus) reject(type, "status must be an integer from 200 to 599", status);
  return { status: status as number, headers: readHeaders(type, headers) };
}

/**
 * Reads the header fields of a message.
 *
 * @throws {TypeError} If they are not pairs of valid strings.
 */
export function readHeaders(type: unknown, headers: unknown): Headers {
  const read = new Headers();
  if (headers === undefined || headers === null) return read;
  const isIterable = typeof headers === "object" && Symbol.iterator in headers;
  if (!isIterable) reject(type, "headers must be pairs of a name and a value", headers);
  for (const pair of headers as Iterable<unknown>) appendHeader(type, read, pair);
  return read;
}

function appendHeader(type: unknown, headers: Headers, pair: unknown): void {
  const [name, value, ...rest] = Array.isArray(pair) ? pair : [];
  if (typeof name !== "string" || typeof value !== "string" || rest.length > 0) {
    reject(type, "headers must be pairs of a name and a value, both strings", pair);
  }
  try {
    headers.append(name, value);
  } catch (cause) {
    throw new TypeError(`${type}: header ${JSON.stringify(name)} is invalid`, { cause });
  }
}

/**
 * Reads an `http.response.body` or `websocket.http.response.body`.
 *
 * @throws {TypeError} If a value is invalid.
 */
export function readResponseBody({ type, body = EMPTY, more_body = false }: Untrusted) {
  if (!(body instanceof Uint8Array)) reject(type, "body must be a Uint8Array", body);
  if (typeof more_body !== "boolean") reject(type, "more_body must be a boolean", more_body);
  return { body: body as Uint8Array, more: more_body as boolean };
}

/**
 * Reads the path of an `http.response.pathsend`.
 *
 * @throws {TypeError} If it is not a string.
 */
export function readPath({ type, path }: Untrusted): string {
  if (typeof path !== "string") reject(type, "path must be a string", path);
  return path as string;
}

/**
 * Reads a `websocket.accept`.
 *
 * @param offered The subprotocols that the client offers.
 * @throws {TypeError} If a value is invalid.
 */
export function readAccept(
  { type, subprotocol, headers }: Untrusted,
  offered: readonly string[],
): { readonly subprotocol: string | undefined; readonly headers: HeaderPairs } {
  const isOffered = typeof subprotocol === "string" && offered.includes(subprotocol);
  if (subprotocol !== undefined && subprotocol !== null && !isOffered) {
    const known = offered.join(", ") || "none";
    reject(type, `subprotocol must be one that the client offers (${known})`, subprotocol);
  }
  const pairs = [...readHeaders(type, headers)];
  const own = pairs.find(([name]) => OF_THE_HANDSHAKE.test(name));
  if (own) throw new TypeError(`${type}: header ${own[0]} is set by the server; remove it`);
  return { subprotocol: isOffered ? subprotocol : undefined, headers: pairs };
}

/** The header fields that the server sets itself. */
const OF_THE_HANDSHAKE = /^(connection|upgrade|sec-websocket-.*)$/;

/**
 * Reads a `websocket.send`.
 *
 * @throws {TypeError} If it has neither text nor bytes, or both, or one of another type.
 */
export function readContent({ type, text, bytes }: Untrusted): string | Uint8Array {
  const values = [text, bytes].filter((value) => value !== undefined && value !== null);
  if (values.length !== 1) reject(type, "must have either text or bytes", { text, bytes });
  if (typeof text === "string") return text;
  if (bytes instanceof Uint8Array) return bytes;
  reject(type, "text must be a string, and bytes a Uint8Array", values[0]);
}

/** The longest reason of a close frame, in bytes. */
const MAX_REASON = 123;

/**
 * Reads a `websocket.close`.
 *
 * @throws {TypeError} If a value is invalid.
 */
export function readClose({ type, code = 1000, reason }: Untrusted) {
  if (typeof code !== "number" || !isCloseCode(code)) {
    reject(type, "code must be from 1000 to 1003, from 1007 to 1013, or from 3000 to 4999", code);
  }
  const text = reason ?? "";
  if (typeof text !== "string" || new TextEncoder().encode(text).length > MAX_REASON) {
    reject(type, `reason must be a string of at most ${MAX_REASON} bytes`, reason);
  }
  return { code: code as number, reason: text as string };
}

/** Browsers treat other codes as errors of the protocol; the runtime would send any. */
function isCloseCode(code: number): boolean {
  return Number.isInteger(code) && CLOSE_CODES.some(([min, max]) => code >= min && code <= max);
}

/** The close codes that may be sent, as ranges. */
const CLOSE_CODES = [[1000, 1003], [1007, 1013], [3000, 4999]] as const;

/**
 * Rejects a message whose type is not known, or not allowed now.
 *
 * @throws {TypeError} Always.
 */
export function rejectType({ type }: Untrusted, allowed: string): never {
  throw new TypeError(`Cannot send ${JSON.stringify(type)} now: allowed is ${allowed}`);
}

function reject(type: unknown, rule: string, got: unknown): never {
  throw new TypeError(`${type}: ${rule}, got ${shown(got)}`);
}

/** Describes a value in a few words: it may be large, or an object of any kind. */
function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 50));
  if (typeof value !== "object" || value === null) return String(value);
  return value.constructor === Object ? `{ ${Object.keys(value).join(", ")} }` : "an object";
}

const EMPTY = new Uint8Array();
