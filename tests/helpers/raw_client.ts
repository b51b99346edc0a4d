import { within } from "./waiting.ts";

/** A TCP connection to a server, for bytes that no client library sends or shows. */
export class RawClient implements Disposable {
  readonly #connection: Deno.TcpConn;
  #received: Uint8Array[] = [];
  #size = 0;

  constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  /** Writes text or bytes completely. */
  async write(content: string | Uint8Array): Promise<void> {
    let rest = typeof content === "string" ? encode(content) : content;
    while (rest.length > 0) rest = rest.subarray(await this.#connection.write(rest));
  }

  /** Reads until what has been received contains a text, and returns all up to its end. */
  async readUntil(text: string): Promise<string> {
    for (;;) {
      const received = latin(this.#joined());
      const at = received.indexOf(text);
      if (at !== -1) return latin(this.#take(at + text.length));
      if (!await this.#fill()) throw new Error(`No ${text} in ${received}`);
    }
  }

  /** Reads so many bytes. */
  async read(count: number): Promise<Uint8Array> {
    while (this.#size < count) {
      if (!await this.#fill()) throw new Error("The server has closed the connection");
    }
    return this.#take(count);
  }

  /** Reads until the server closes the connection, and returns the rest as text. */
  async readToEnd(): Promise<string> {
    while (await this.#fill());
    return latin(this.#take(this.#size));
  }

  /** Sends no more, but still reads. */
  closeWrite(): Promise<void> {
    return this.#connection.closeWrite();
  }

  /** Closes the connection without a farewell of HTTP or WebSocket. */
  close(): void {
    try {
      this.#connection.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #take(count: number): Uint8Array {
    const received = this.#joined();
    this.#received = [received.subarray(count)];
    this.#size -= count;
    return received.slice(0, count);
  }

  #joined(): Uint8Array {
    const joined = new Uint8Array(this.#size);
    let at = 0;
    for (const part of this.#received) {
      joined.set(part, at);
      at += part.length;
    }
    this.#received = [joined];
    return joined;
  }

  async #fill(): Promise<boolean> {
    const buffer = new Uint8Array(65_536);
    const reading = this.#connection.read(buffer).catch(endOfReset);
    const count = await within(reading, "bytes of the server", 20_000);
    if (count === null) return false;
    this.#received.push(buffer.subarray(0, count));
    this.#size += count;
    return true;
  }
}

/** Connects to a port of 127.0.0.1. */
export async function connectRaw(port: number): Promise<RawClient> {
  return new RawClient(await Deno.connect({ hostname: "127.0.0.1", port }));
}

/** Sends text to a port of 127.0.0.1, and returns all that the server answers until it closes. */
export async function exchangeRaw(port: number, request: string): Promise<string> {
  using client = await connectRaw(port);
  await client.write(request);
  return await client.readToEnd();
}

/** Returns the handshake of a WebSocket with additional or changed header fields. */
export function handshakeFor(
  port: number,
  changes: Readonly<Record<string, string | undefined>> = {},
  path = "/",
): string {
  const fields = {
    host: `127.0.0.1:${port}`,
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
    ...changes,
  };
  const lines = Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: ${value}`]
  );
  return `GET ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`;
}

/** Opens a WebSocket whose frames a test reads and writes itself. */
export async function openRawSocket(port: number, path = "/"): Promise<RawClient> {
  const client = await connectRaw(port);
  await client.write(handshakeFor(port, {}, path));
  const head = await client.readUntil("\r\n\r\n");
  if (!head.startsWith("HTTP/1.1 101")) throw new Error(head);
  return client;
}

/** The kinds of frames of a WebSocket. */
export const OPCODES = { continuation: 0, text: 1, bytes: 2, close: 8, ping: 9, pong: 10 } as const;

/** Returns a frame as a client sends it: masked, with zeros. */
export function frame(opcode: number, content: string | Uint8Array, isLast = true): Uint8Array {
  const payload = typeof content === "string" ? encode(content) : content;
  const { length } = payload;
  const size = length < 126
    ? [length]
    : length < 65_536
    ? [126, length >> 8, length & 255]
    : [127, 0, 0, 0, 0, length >>> 24, (length >> 16) & 255, (length >> 8) & 255, length & 255];
  const head = [opcode | (isLast ? 128 : 0), size[0]! | 128, ...size.slice(1), 0, 0, 0, 0];
  const bytes = new Uint8Array(head.length + length);
  bytes.set(head);
  bytes.set(payload, head.length);
  return bytes;
}

/** Reads a frame of a server. */
export async function readFrame(
  client: RawClient,
): Promise<{ readonly opcode: number; readonly payload: Uint8Array }> {
  const [first = 0, second = 0] = await client.read(2);
  const extra = second === 126 ? 2 : second === 127 ? 8 : 0;
  const length = (await client.read(extra)).reduce((sum, byte) => sum * 256 + byte, 0);
  return { opcode: first & 15, payload: await client.read(extra === 0 ? second : length) };
}

/** Reads frames until the one that closes the WebSocket, and returns its code; 1005 if it has none. */
export async function readCloseCode(client: RawClient): Promise<number> {
  for (;;) {
    const { opcode, payload } = await readFrame(client);
    const [high = 3, low = 237] = payload;
    if (opcode === OPCODES.close) return high * 256 + low;
  }
}

function latin(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

/** A reset is an end too. */
function endOfReset(error: unknown): null {
  if (error instanceof Deno.errors.ConnectionReset) return null;
  throw error;
}

/** Encodes text in UTF-8. */
export function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
