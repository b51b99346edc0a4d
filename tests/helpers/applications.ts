import type { Application, ChannelScope, LifespanScope, Message } from "@asgi/channels";

/** The scope of the channel "letters". */
export const scope: ChannelScope = { type: "channel", channel: "letters" };

/** The scope of a server's lifetime. */
export const lifespan: LifespanScope = {
  type: "lifespan",
  asgi: { version: "3.0", spec_version: "2.0" },
  state: {},
};

/** An application that ignores its events. */
export const idle: Application<ChannelScope> = async (_scope, receive) => {
  for (;;) await receive();
};

/** An application that sends its events back. */
export const echo: Application<ChannelScope> = async (_scope, receive, send) => {
  for (;;) await send(await receive());
};

/** An application, or a method, that must not be called. */
export function unexpected(): Promise<never> {
  return Promise.reject(new Error("Not expected to be called"));
}

/** Returns an application that collects its events. */
export function collecting(seen: { add(event: Message): void }): Application<ChannelScope> {
  return async (_scope, receive) => {
    for (;;) seen.add(await receive());
  };
}
