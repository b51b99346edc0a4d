/** One entry of a server's log. */
export interface ServerLogEntry {
  /** The severity. */
  readonly level: "debug" | "info" | "warn" | "error";
  /** What happened. */
  readonly message: string;
  /** The path of the request or WebSocket that the entry is about, if it is about one. */
  readonly path?: string;
  /** What was thrown: any value, even `undefined`. Absent if nothing was thrown. */
  readonly error?: unknown;
}

/** A request or WebSocket that has been answered. */
export interface Access {
  /** The method and the path, such as `"GET /rooms"`; `"WebSocket /ws"` for a WebSocket. */
  readonly name: string;
  /** The status of the response: 101 for a WebSocket that was accepted. */
  readonly status: number;
  /** How long the response took to start, in milliseconds. */
  readonly duration: number;
}

/** Options for `toFetchHandler()`, and for `serve()`. */
export interface ServerOptions {
  /**
   * The origins of web pages that may open WebSockets, such as `"https://example.com"`, or `"*"` for
   * all. Clients that are not browsers send no origin, and are always allowed.
   *
   * @default the host that the request is for
   */
  readonly allowedOrigins?: "*" | readonly string[];
  /**
   * The path that the application is mounted at, such as `"/app"`: the `root_path` of its scopes.
   *
   * @default {""}
   */
  readonly rootPath?: string;
  /**
   * The largest message that a WebSocket accepts, in bytes. The connection of a client that sends a larger
   * one is closed with 1009.
   *
   * @default {1_048_576}
   */
  readonly maxMessageSize?: number;
  /**
   * How many bytes of messages that the application has not received a WebSocket keeps at most. The
   * runtime cannot make a client wait, so a faster one is closed with 1008.
   *
   * @default {4_194_304}
   */
  readonly receiveBuffer?: number;
  /**
   * How many bytes that the client has not read a WebSocket keeps at most. While the buffer is full,
   * `send()` waits.
   *
   * @default {1_048_576}
   */
  readonly sendBuffer?: number;
  /**
   * How long `send()` waits for a client of a WebSocket that reads nothing, in milliseconds. The
   * connection is then closed with 1013.
   *
   * @default {10_000}
   */
  readonly sendTimeout?: number;
  /**
   * How long the application may take to accept or reject a WebSocket, in milliseconds. The client then
   * gets a response with status 500.
   *
   * @default {10_000}
   */
  readonly handshakeTimeout?: number;
  /** Called with each entry of the log. By default, warnings and errors go to standard error. */
  readonly log?: (entry: ServerLogEntry) => void;
  /** Called when a response starts: for an access log. */
  readonly onAccess?: (access: Access) => void;
}

/** The options of a server, validated and with defaults. */
export type ServerSettings =
  & Required<Omit<ServerOptions, "allowedOrigins" | "onAccess">>
  & Pick<ServerOptions, "allowedOrigins" | "onAccess">;

/** The longest delay of a timer, in milliseconds. */
export const MAX_TIMEOUT = 2 ** 31 - 1;

/**
 * Validates the options of a server, and adds the defaults.
 *
 * @throws {RangeError} If a number is out of range.
 * @throws {TypeError} If the root path or an origin is invalid.
 */
export function serverSettings(options: ServerOptions): ServerSettings {
  const settings = {
    rootPath: "",
    maxMessageSize: 1_048_576,
    receiveBuffer: 4_194_304,
    sendBuffer: 1_048_576,
    sendTimeout: 10_000,
    handshakeTimeout: 10_000,
    log: logToConsole,
    ...definedIn(options),
  };
  for (const name of ["maxMessageSize", "receiveBuffer", "sendBuffer"] as const) {
    checkNumber(name, settings[name], Number.MAX_SAFE_INTEGER, "bytes");
  }
  for (const name of ["sendTimeout", "handshakeTimeout"] as const) {
    checkNumber(name, settings[name], MAX_TIMEOUT, "milliseconds");
  }
  checkRootPath(settings.rootPath);
  if (settings.allowedOrigins !== "*") settings.allowedOrigins?.forEach(checkOrigin);
  return settings;
}

/** @throws {RangeError} If the number is not from 1 to the maximum. */
export function checkNumber(name: string, value: number, maximum: number, unit: string): void {
  if (typeof value === "number" && value >= 1 && value <= maximum) return;
  throw new RangeError(`${name} must be a number of ${unit} from 1 to ${maximum}, got ${value}`);
}

function checkRootPath(path: string): void {
  if (path === "" || /^\/.*[^/]$/.test(path)) return;
  throw new TypeError(`rootPath must start with a slash and not end with one, got ${quote(path)}`);
}

function checkOrigin(origin: string): void {
  if (URL.parse(origin)?.origin === origin.toLowerCase()) return;
  throw new TypeError(
    `allowedOrigins must contain origins such as "https://example.com", got ${quote(origin)}`,
  );
}

function quote(value: unknown): string {
  return JSON.stringify(value);
}

/** Returns the options that are not `undefined`. */
function definedIn(options: ServerOptions): ServerOptions {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  );
}

function logToConsole({ level, message, path, error }: ServerLogEntry): void {
  if (level !== "warn" && level !== "error") return;
  const line = path === undefined ? message : `${message}: ${path}`;
  const details = error === undefined ? [line] : [line, error];
  if (level === "warn") console.warn(...details);
  else console.error(...details);
}
