import type { Poller } from "./poller.ts";

const OPCODES = { text: 0x1, close: 0x8, ping: 0x9, pong: 0xA };

/** A bit of the first and of the second byte of a frame. */
const FINAL = 0x80;
const MASKED = 0x80;

/** The longest payload whose length is in the second byte. */
const MAX_LENGTH = 125;

/** Called when a connection is open, and after each message, with how to send. */
export type OnReady = (send: (text: Uint8Array) => void) => void;

/** Handlers of a WebSocket. */
export interface SocketHandlers {
  readonly onOpen: OnReady;
  readonly onMessage: OnReady;
}

/** Opens a WebSocket, for messages of at most 125 bytes. */
export function openSocket(
  poller: Poller,
  { port, path }: { readonly port: number; readonly path: string },
  { onOpen, onMessage }: SocketHandlers,
): void {
  let isOpen = false;
  const write = poller.connect(port, (bytes) => {
    if (isOpen) return takeFrames(bytes, onFrame);
    const length = headLength(bytes);
    if (length === 0) return 0;
    checkStatus(bytes, 101);
    isOpen = true;
    onOpen(send);
    return length + takeFrames(bytes.subarray(length), onFrame);
  });
  const send = (text: Uint8Array) => write(frameOf(OPCODES.text, text));
  const onFrame = (opcode: number, payload: Uint8Array) => {
    if (opcode === OPCODES.ping) write(frameOf(OPCODES.pong, payload));
    else if (opcode === OPCODES.close) throw new Error("The server has closed a WebSocket");
    else onMessage(send);
  };
  write(requestOf(port, path, [
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
  ]));
}

/** Opens a connection and requests `/`; each response has to be as long as the first one. */
export function openHttp(poller: Poller, port: number, onResponse: (again: () => void) => void) {
  let length = 0;
  const request = requestOf(port, "/", ["Accept: */*"]);
  const write = poller.connect(port, (bytes) => {
    length ||= responseLength(bytes);
    if (length === 0 || bytes.length < length) return 0;
    if (bytes.length > length) throw new Error("The responses differ in their length");
    onResponse(again);
    return length;
  });
  const again = () => write(request);
  again();
}

function requestOf(port: number, path: string, fields: readonly string[]): Uint8Array {
  const lines = [`GET ${path} HTTP/1.1`, `Host: 127.0.0.1:${port}`, ...fields];
  return new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`);
}

/** Returns the length of a response, or 0 while its head is incomplete. */
function responseLength(bytes: Uint8Array): number {
  const head = headLength(bytes);
  if (head === 0) return 0;
  checkStatus(bytes, 200);
  const length = /^content-length: *(\d+)/mi.exec(textOf(bytes))?.[1];
  if (length === undefined) throw new Error(`A response has no length: ${textOf(bytes)}`);
  return head + Number(length);
}

/** Returns the length of the head of a response, or 0 while it is incomplete. */
function headLength(bytes: Uint8Array): number {
  const end = textOf(bytes).indexOf("\r\n\r\n");
  return end < 0 ? 0 : end + 4;
}

function checkStatus(bytes: Uint8Array, status: number): void {
  const text = textOf(bytes);
  if (!text.startsWith(`HTTP/1.1 ${status} `)) throw new Error(`Unexpected response: ${text}`);
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

/** Takes all complete frames, and returns how many bytes they have. */
function takeFrames(
  bytes: Uint8Array,
  onFrame: (opcode: number, payload: Uint8Array) => void,
): number {
  let start = 0;
  while (start + 2 <= bytes.length) {
    const length = bytes[start + 1]!;
    if (length > MAX_LENGTH) throw new Error("A message is too long for the clients of the bench");
    const end = start + 2 + length;
    if (end > bytes.length) break;
    onFrame(bytes[start]! & 0xF, bytes.subarray(start + 2, end));
    start = end;
  }
  return start;
}

/** Returns a frame, masked as a client has to, by zeros: the payload stays as it is. */
function frameOf(opcode: number, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(6 + payload.length);
  frame[0] = FINAL | opcode;
  frame[1] = MASKED | payload.length;
  frame.set(payload, 6);
  return frame;
}
