/** The longest response, in bytes. */
const BUFFER = 4_096;

/**
 * A client of one HTTP connection, for responses that are all as long as the first one. It does so
 * little that it isn't what limits a server: `fetch()` costs several times as much.
 */
export class HttpClient {
  readonly #connection: Deno.TcpConn;
  readonly #request: Uint8Array;
  readonly #buffer = new Uint8Array(BUFFER);
  #length = 0;

  private constructor(connection: Deno.TcpConn, port: number) {
    this.#connection = connection;
    const lines = ["GET / HTTP/1.1", `Host: 127.0.0.1:${port}`, "Accept: */*"];
    this.#request = new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`);
  }

  /** Connects, and learns how long responses are. */
  static async open(port: number): Promise<HttpClient> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    connection.setNoDelay();
    const client = new HttpClient(connection, port);
    await connection.write(client.#request);
    await client.#readFirst();
    return client;
  }

  /** Sends a request, and waits for the response. */
  async request(): Promise<void> {
    await this.#connection.write(this.#request);
    for (let read = 0; read < this.#length;) read = await this.#read(read);
  }

  async #readFirst(): Promise<void> {
    for (let read = 0;;) {
      read = await this.#read(read);
      const text = new TextDecoder("latin1").decode(this.#buffer.subarray(0, read));
      const end = text.indexOf("\r\n\r\n") + 4;
      if (!text.startsWith("HTTP/1.1 200 ")) throw new Error(`Unexpected response: ${text}`);
      this.#length = end + Number(/^content-length: *(\d+)/mi.exec(text)?.[1]);
      if (end > 3 && read === this.#length) return;
      if (end > 3 && !(read < this.#length)) throw new Error(`Not one response: ${text}`);
    }
  }

  /** Reads more of a response, of which there are some bytes; returns how many there are then. */
  async #read(before: number): Promise<number> {
    const count = await this.#connection.read(this.#buffer.subarray(before));
    if (!count) throw new Error("The server has closed a connection");
    return before + count;
  }
}
