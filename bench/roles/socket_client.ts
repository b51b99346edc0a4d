/** What a server may send first, and in one message, in bytes. */
const BUFFER = 1_024;

const OPCODES = { text: 0x1, close: 0x8, ping: 0x9, pong: 0xA };

/** A bit of the first and of the second byte of a frame. */
const FINAL = 0x80;
const MASKED = 0x80;

/** The longest payload whose length is in the second byte. */
const MAX_LENGTH = 125;

interface Frame {
  readonly opcode: number;
  readonly payload: Uint8Array;
}

/**
 * A client of a WebSocket, for messages of at most 125 bytes. It does so little that it isn't what
 * limits a server: `WebSocket` costs several times as much.
 */
export class SocketClient {
  readonly #connection: Deno.TcpConn;
  readonly #buffer = new Uint8Array(BUFFER);
  /** Where the bytes that have come, and aren't taken, start and end. */
  #start = 0;
  #end = 0;

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  /** Connects, and waits until the server has accepted the WebSocket. */
  static async open(port: number, path: string): Promise<SocketClient> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    connection.setNoDelay();
    const client = new SocketClient(connection);
    await client.#write(new TextEncoder().encode(handshakeFor(port, path)));
    const head = await client.#head();
    if (head.startsWith("HTTP/1.1 101 ")) return client;
    throw new Error(`The server has rejected a WebSocket: ${head.split("\r\n")[0]}`);
  }

  /** Waits for the next message, and returns its bytes, which are valid until the next call. */
  async next(): Promise<Uint8Array> {
    for (;;) {
      const frame = this.#takeFrame();
      if (frame === undefined) await this.#read();
      else if (frame.opcode === OPCODES.ping) await this.#sendFrame(OPCODES.pong, frame.payload);
      else if (frame.opcode === OPCODES.close) throw new Error("The server has closed a WebSocket");
      else return frame.payload;
    }
  }

  /** Sends a text. */
  async send(text: Uint8Array): Promise<void> {
    await this.#sendFrame(OPCODES.text, text);
  }

  /** Sends a frame, masked as a client has to, by zeros: what is sent stays as it is. */
  async #sendFrame(opcode: number, payload: Uint8Array): Promise<void> {
    const frame = new Uint8Array(6 + payload.length);
    frame[0] = FINAL | opcode;
    frame[1] = MASKED | payload.length;
    frame.set(payload, 6);
    await this.#write(frame);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.length;) {
      written += await this.#connection.write(bytes.subarray(written));
    }
  }

  #takeFrame(): Frame | undefined {
    if (this.#end - this.#start < 2) return;
    const [first = 0, length = 0] = this.#buffer.subarray(this.#start, this.#start + 2);
    if (length > MAX_LENGTH) throw new Error("A message is too long for the clients of the bench");
    const from = this.#start + 2;
    if (this.#end < from + length) return;
    this.#start = from + length;
    return { opcode: first & 0xF, payload: this.#buffer.subarray(from, this.#start) };
  }

  /** Waits for the response to the handshake; frames may follow it immediately. */
  async #head(): Promise<string> {
    for (;;) {
      const text = new TextDecoder("latin1").decode(this.#buffer.subarray(0, this.#end));
      const length = text.indexOf("\r\n\r\n") + 4;
      if (length < 4) await this.#read();
      else {
        this.#start = length;
        return text.slice(0, length);
      }
    }
  }

  async #read(): Promise<void> {
    this.#buffer.copyWithin(0, this.#start, this.#end);
    this.#end -= this.#start;
    this.#start = 0;
    const count = await this.#connection.read(this.#buffer.subarray(this.#end));
    if (!count) throw new Error("The server has closed a connection");
    this.#end += count;
  }
}

function handshakeFor(port: number, path: string): string {
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}
