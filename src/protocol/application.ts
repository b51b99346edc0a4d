import type { Message } from "./message.ts";
import type { Scope } from "./scope.ts";

/** Gives the application its next event; rejects once the server has stopped. */
export type Receive = () => Promise<Message>;

/** Takes a message from the application to the other end of its connection, where there is one. */
export type Send = (message: Message) => Promise<void>;

/** A program behind a server: runs as long as its scope lives, and takes its events from `receive`. */
export type Application<S extends Scope = Scope> = (
  scope: S,
  receive: Receive,
  send: Send,
) => Promise<void>;
