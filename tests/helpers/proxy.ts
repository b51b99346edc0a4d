import { setTimeout } from "node:timers/promises";

/** A proxy between clients and a server that behaves like a bad network. */
export interface Proxy extends AsyncDisposable {
  /** Its URL: `unix://PATH`. */
  readonly url: string;
  /** The delay of each piece of an answer, in milliseconds. */
  delay: number;
  /** The bytes per second, in each direction of a connection; 0 for no limit. */
  rate: number;
  /** Cuts the next answer of each open connection in its middle, and closes the connection. */
  cut(): void;
  /** Replaces the next answer of each open connection. */
  garble(bytes: Uint8Array): void;
}

/** Returns what arrives instead of a piece of an answer, and whether the connection ends then. */
type Disturb = (bytes: Uint8Array) => { readonly bytes: Uint8Array; readonly ends: boolean };

/**
 * Starts a proxy.
 *
 * @param path The path of its socket.
 * @param target The socket of the server.
 */
export function startProxy(path: string, target: string): Proxy {
  const listener = Deno.listen({ transport: "unix", path });
  const links = new Set<Link>();
  const network: Network = { delay: 0, rate: 0 };
  const accepting = (async () => {
    for await (const client of listener) {
      const link = new Link(client, network);
      links.add(link);
      link.run(target).finally(() => links.delete(link));
    }
  })();
  const disturb = (how: Disturb) => links.forEach((link) => link.disturb = how);
  return {
    url: `unix://${path}`,
    get delay() {
      return network.delay;
    },
    set delay(milliseconds) {
      network.delay = milliseconds;
    },
    get rate() {
      return network.rate;
    },
    set rate(bytes) {
      network.rate = bytes;
    },
    cut: () => disturb((bytes) => ({ bytes: bytes.subarray(0, bytes.length / 2), ends: true })),
    garble: (bytes) => disturb(() => ({ bytes, ends: false })),
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const link of links) link.close();
      await accepting;
    },
  };
}

/** The settings of all connections. */
interface Network {
  delay: number;
  rate: number;
}

/** One client, and its connection to the server. */
class Link {
  readonly #client: Deno.Conn;
  readonly #network: Network;
  readonly #closing = new AbortController();
  #server: Deno.Conn | undefined;
  disturb: Disturb | undefined;

  constructor(client: Deno.Conn, network: Network) {
    this.#client = client;
    this.#network = network;
  }

  async run(target: string): Promise<void> {
    try {
      this.#server = await Deno.connect({ transport: "unix", path: target });
      await Promise.race([this.#ask(this.#server), this.#answer(this.#server)]);
    } catch {
      // One of the two connections is closed: then the other is closed as well.
    }
    this.close();
  }

  close(): void {
    this.#closing.abort();
    for (const end of [this.#client, this.#server]) {
      try {
        end?.close();
      } catch {
        // It is closed already.
      }
    }
  }

  async #ask(server: Deno.Conn): Promise<void> {
    for await (const bytes of piecesOf(this.#client)) await this.#pass(server, bytes);
  }

  async #answer(server: Deno.Conn): Promise<void> {
    for await (const bytes of piecesOf(server)) {
      await this.#pause(this.#network.delay);
      const { bytes: arriving, ends } = this.#disturbed(bytes);
      await this.#pass(this.#client, arriving);
      if (ends) return;
    }
  }

  /** Passes bytes on, as fast as the network carries them. */
  async #pass(to: Deno.Conn, bytes: Uint8Array): Promise<void> {
    const { rate } = this.#network;
    const size = rate > 0 ? 16_384 : bytes.length;
    for (let at = 0; at < bytes.length; at += size) {
      const piece = bytes.subarray(at, at + size);
      await writeAll(to, piece);
      if (rate > 0) await this.#pause(piece.length / rate * 1_000);
    }
  }

  async #pause(milliseconds: number): Promise<void> {
    if (milliseconds > 0) {
      await setTimeout(milliseconds, undefined, { signal: this.#closing.signal });
    }
  }

  #disturbed(bytes: Uint8Array): { readonly bytes: Uint8Array; readonly ends: boolean } {
    if (!this.disturb) return { bytes, ends: false };
    const result = this.disturb(bytes);
    this.disturb = undefined;
    return result;
  }
}

async function* piecesOf(connection: Deno.Conn): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(65_536);
  for (let length; (length = await connection.read(buffer)) !== null;) {
    yield buffer.slice(0, length);
  }
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

/** Malformed replies: not RESP, of another type, or incomplete. */
export const GARBAGE: readonly Uint8Array[] = encoded(
  "\u0000\u0001 this is no Redis\r\n",
  "+OK\r\n",
  "+OK\r\n:5\r\n",
  "!\r\n\r\n",
  "$-7\r\n",
  "$3\r\nabc\r\n",
  "$9999999999\r\nx",
  "*-1\r\n",
  "*1\r\n:1\r\n",
  "*3\r\n$5\r\nhello\r\n",
  "*3\r\n$11\r\nasgiletters\r\n:1\r\n:2\r\n",
  "*1000000000\r\n",
);

/** Well-formed replies that a sender cannot tell from a correct one. */
export const LIES: readonly Uint8Array[] = encoded(":7\r\n", ":12a\r\n", "-ERR odd\r\n");

function encoded(...texts: readonly string[]): Uint8Array[] {
  return texts.map((text) => new TextEncoder().encode(text));
}
