/** Numbers of Linux. */
const AF_INET = 2;
const SOCK_STREAM = 1;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const EPOLL_CTL_ADD = 1;
const EPOLLIN = 1;

/** A `struct epoll_event`: the kinds of events, and the file descriptor; it is packed on x86-64. */
const EVENT = Deno.build.arch === "x86_64" ? { size: 12, data: 4 } : { size: 16, data: 8 };

/** How many events are handled at once, and how long to wait for one, in milliseconds. */
const MAX_EVENTS = 1_024;
const TIMEOUT = 50;

/** How much one read takes at most, in bytes. */
const BUFFER = 16_384;

const NONE = new Uint8Array();

/** Takes what has arrived on a connection, and returns the number of bytes that it has used. */
export type OnData = (bytes: Uint8Array) => number;

/**
 * TCP connections to ports of 127.0.0.1, by the system calls of Linux: a message takes a fraction of
 * the time that it takes with `Deno.connect()` or `WebSocket`, so the clients don't limit a server.
 * All functions are synchronous.
 */
export class Poller {
  readonly #libc = openLibc();
  readonly #epoll = check("epoll_create1", this.#libc.epoll_create1(0));
  readonly #events = new Uint8Array(MAX_EVENTS * EVENT.size);
  readonly #view = new DataView(this.#events.buffer);
  readonly #buffer = new Uint8Array(BUFFER);
  /** By file descriptor. */
  readonly #connections = new Map<number, { readonly onData: OnData; rest: Uint8Array }>();

  /** Connects, and returns a function that sends bytes. */
  connect(port: number, onData: OnData): (bytes: Uint8Array) => void {
    const fd = check("socket", this.#libc.socket(AF_INET, SOCK_STREAM, 0));
    check("connect", this.#libc.connect(fd, addressOf(port), 16));
    const on = new Int32Array([1]);
    check("setsockopt", this.#libc.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, on, 4));
    const event = new Uint8Array(EVENT.size);
    const view = new DataView(event.buffer);
    view.setUint32(0, EPOLLIN, true);
    view.setInt32(EVENT.data, fd, true);
    check("epoll_ctl", this.#libc.epoll_ctl(this.#epoll, EPOLL_CTL_ADD, fd, event));
    this.#connections.set(fd, { onData, rest: NONE });
    return (bytes) => this.#send(fd, bytes);
  }

  /** Handles what arrives until a condition holds. */
  runUntil(holds: () => boolean): void {
    while (!holds()) {
      const count = this.#libc.epoll_wait(this.#epoll, this.#events, MAX_EVENTS, TIMEOUT);
      for (let index = 0; index < count; index++) {
        this.#receive(this.#view.getInt32(index * EVENT.size + EVENT.data, true));
      }
    }
  }

  #receive(fd: number): void {
    const connection = this.#connections.get(fd)!;
    const { rest, onData } = connection;
    this.#buffer.set(rest);
    const free = this.#buffer.subarray(rest.length);
    const count = this.#libc.recv(fd, free, BigInt(free.length), 0);
    if (count <= 0) throw new Error("The server has closed a connection");
    const bytes = this.#buffer.subarray(0, rest.length + count);
    const used = onData(bytes);
    connection.rest = used === bytes.length ? NONE : bytes.slice(used);
  }

  #send(fd: number, bytes: Uint8Array): void {
    for (let sent = 0; sent < bytes.length;) {
      const rest = bytes.subarray(sent);
      sent += check("send", this.#libc.send(fd, rest, BigInt(rest.length), 0));
    }
  }
}

function openLibc() {
  const { symbols } = Deno.dlopen("libc.so.6", {
    socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
    connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
    setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
    send: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
    recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
    epoll_create1: { parameters: ["i32"], result: "i32" },
    epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
    epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
  });
  return symbols;
}

function check(call: string, result: number): number {
  if (result >= 0) return result;
  throw new Error(`${call}() failed`);
}

/** A `struct sockaddr_in` of 127.0.0.1. */
function addressOf(port: number): Uint8Array<ArrayBuffer> {
  const address = new Uint8Array(16);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_INET, true);
  view.setUint16(2, port);
  address.set([127, 0, 0, 1], 4);
  return address;
}
