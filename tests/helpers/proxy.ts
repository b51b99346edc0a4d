import { setTimeout } from "node:timers/promises";

/** Stands between a client and a server, and does to the answers what a bad network does. */
export interface Proxy extends AsyncDisposable {
  /** Where clients find it: `unix://PATH`. */
  readonly url: string;
  /** How long each piece of an answer takes from now on, in milliseconds. */
  delay: number;
  /** How many bytes pass in a second from now on, in each direction of a connection; 0 for any number. */
  rate: number;
  /** Has the next answer of each connection, as it is now, end in its middle, and the connection with it. */
  cut(): void;
  /** Has something else than the next answer of each connection arrive. */
  garble(bytes: Uint8Array): void;
  /** How many connections were cut or garbled. */
  readonly spoilt: number;
}

/** What becomes of a piece of an answer: what arrives, and whether the connection ends then. */
type Spoil = (bytes: Uint8Array) => { readonly bytes: Uint8Array; readonly ends: boolean };

/**
 * Starts a proxy.
 *
 * @param path Where its socket is to be.
 * @param target The socket of the server.
 */
export function startProxy(path: string, target: string): Proxy {
  const listener = Deno.listen({ transport: "unix", path });
  const links = new Set<Link>();
  let spoilt = 0;
  const network: Network = { delay: 0, rate: 0 };
  const accepting = (async () => {
    for await (const client of listener) {
      const link = new Link(client, network, () => spoilt++);
      links.add(link);
      link.run(target).finally(() => links.delete(link));
    }
  })();
  const spoil = (how: Spoil) => links.forEach((link) => link.spoil = how);
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
    get spoilt() {
      return spoilt;
    },
    cut: () => spoil((bytes) => ({ bytes: bytes.subarray(0, bytes.length / 2), ends: true })),
    garble: (bytes) => spoil(() => ({ bytes, ends: false })),
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const link of links) link.close();
      await accepting;
    },
  };
}

/** What all connections have in common. */
interface Network {
  delay: number;
  rate: number;
}

/** One client, and its connection to the server. */
class Link {
  readonly #client: Deno.Conn;
  readonly #network: Network;
  readonly #onSpoilt: () => void;
  readonly #closing = new AbortController();
  #server: Deno.Conn | undefined;
  spoil: Spoil | undefined;

  constructor(client: Deno.Conn, network: Network, onSpoilt: () => void) {
    this.#client = client;
    this.#network = network;
    this.#onSpoilt = onSpoilt;
  }

  async run(target: string): Promise<void> {
    try {
      this.#server = await Deno.connect({ transport: "unix", path: target });
      await Promise.race([this.#ask(this.#server), this.#answer(this.#server)]);
    } catch {
      // One of the two has gone: then the other has to go as well.
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
      const { bytes: arriving, ends } = this.#spoilt(bytes);
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

  #spoilt(bytes: Uint8Array): { readonly bytes: Uint8Array; readonly ends: boolean } {
    if (!this.spoil) return { bytes, ends: false };
    const result = this.spoil(bytes);
    this.spoil = undefined;
    this.#onSpoilt();
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
