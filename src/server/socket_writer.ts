import { setTimeout as pause } from "node:timers/promises";
import { ConnectionClosedError } from "../errors/mod.ts";

/** The bounds of the delay between two looks at a full buffer, in milliseconds: there is no event. */
const MIN_DELAY = 1;
const MAX_DELAY = 100;

/** Options for a {@linkcode SocketWriter}. */
export interface SocketWriterOptions {
  /** How many bytes that the client has not read are kept at most. */
  readonly sendBuffer: number;
  /** How long to wait for a client that reads nothing, in milliseconds. */
  readonly sendTimeout: number;
  /** Called when that time has passed. */
  readonly onStall: () => void;
}

const SENT = Promise.resolve();

/** Sends messages to the client of a WebSocket, in order, and waits while its buffer is full. */
export class SocketWriter {
  readonly #socket: WebSocket;
  readonly #options: SocketWriterOptions;
  #last: Promise<void> = Promise.resolve();
  #pending = 0;
  /** How many bytes the client may not have read, at most. */
  #mostBuffered = 0;

  constructor(socket: WebSocket, options: SocketWriterOptions) {
    this.#socket = socket;
    this.#options = options;
  }

  /**
   * Sends a message; resolves when it is in the buffer.
   *
   * @throws {ConnectionClosedError} If the WebSocket is closed, or was closed meanwhile.
   */
  send(content: string | Uint8Array): Promise<void> {
    if (this.#pending === 0 && this.#hasCapacityFor(content)) {
      this.#write(content);
      return SENT;
    }
    this.#pending++;
    const sent = this.#last
      .then(() => this.#untilCapacityFor(content))
      .then(() => this.#write(content))
      .finally(() => this.#pending--);
    this.#last = sent.catch(() => {});
    return sent;
  }

  #write(content: string | Uint8Array): void {
    if (this.#socket.readyState !== WebSocket.OPEN) throw closed();
    this.#socket.send(content as string | Uint8Array<ArrayBuffer>);
    this.#mostBuffered += sizeOf(content);
  }

  #hasCapacityFor(content: string | Uint8Array): boolean {
    const { sendBuffer } = this.#options;
    const size = sizeOf(content);
    if (this.#mostBuffered + size <= sendBuffer) return true;
    // Asking the runtime costs nearly as much as sending a short message.
    this.#mostBuffered = this.#socket.bufferedAmount;
    return this.#mostBuffered === 0 || this.#mostBuffered + size <= sendBuffer;
  }

  async #untilCapacityFor(content: string | Uint8Array): Promise<void> {
    const { sendTimeout, onStall } = this.#options;
    let least = Infinity;
    let deadline = Infinity;
    for (
      let delay = MIN_DELAY;
      !this.#hasCapacityFor(content);
      delay = Math.min(delay * 2, MAX_DELAY)
    ) {
      const { bufferedAmount, readyState } = this.#socket;
      if (readyState !== WebSocket.OPEN) throw closed();
      if (bufferedAmount < least) {
        least = bufferedAmount;
        deadline = performance.now() + sendTimeout;
      } else if (performance.now() >= deadline) {
        onStall();
        throw closed();
      }
      await pause(delay);
    }
  }
}

/** Returns the size of a message in bytes; of a text, the largest possible one. */
function sizeOf(content: string | Uint8Array): number {
  return typeof content === "string" ? content.length * 3 : content.length;
}

function closed(): ConnectionClosedError {
  return new ConnectionClosedError({ what: "The WebSocket is closed" });
}
