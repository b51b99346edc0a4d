import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  type Application,
  type HttpScope,
  LifespanError,
  type LifespanScope,
  ProtocolTypeRouter,
  ShutdownTimeoutError,
} from "@asgi/channels";
import { serve, type ServerLogEntry, toFetchHandler } from "@asgi/channels/server";
import { Tally } from "../helpers/events.ts";
import { encode } from "../helpers/raw_client.ts";
import { startServer } from "../helpers/server.ts";

/** Answers with the state of its scope. */
const stateful: Application<HttpScope> = async ({ state }, _receive, send) => {
  await send({ type: "http.response.start", status: 200 });
  await send({ type: "http.response.body", body: encode(JSON.stringify(state ?? null)) });
};

/** Starts and ends, and collects the events. */
function tidy(events: Tally<string>): Application<LifespanScope> {
  return async (_scope, receive, send) => {
    events.add((await receive()).type);
    await send({ type: "lifespan.startup.complete" });
    events.add((await receive()).type);
    await send({ type: "lifespan.shutdown.complete" });
  };
}

Deno.test("the lifespan starts before the first request, and ends after the last response", async () => {
  const events = new Tally<string>();
  const finish = Promise.withResolvers<void>();
  await using server = await startServer(ProtocolTypeRouter({
    lifespan: tidy(events),
    http: async (scope, receive, send) => {
      events.add("request");
      await finish.promise;
      await stateful(scope, receive, send);
      events.add("response");
    },
  }));
  const response = fetch(`http://${server.host}/`);
  await events.reach(2);
  const stopped = server.stop();
  finish.resolve();
  await (await response).body?.cancel();
  await stopped;
  assertEquals(events.items, ["lifespan.startup", "request", "response", "lifespan.shutdown"]);
});

Deno.test("each request has a shallow copy of the state", async () => {
  const shared = { count: 0 };
  await using server = await startServer(ProtocolTypeRouter({
    lifespan: async (scope, receive, send) => {
      scope.state.shared = shared;
      scope.state.own = "original";
      await tidy(new Tally())(scope, receive, send);
    },
    http: async (scope, receive, send) => {
      (scope.state?.shared as typeof shared).count++;
      await stateful(scope, receive, send);
      scope.state!.own = "changed";
    },
  }));
  for (const count of [1, 2]) {
    const response = await fetch(`http://${server.host}/`);
    assertEquals(await response.json(), { shared: { count }, own: "original" });
  }
});

for (const how of ["returns", "has no route", "sends a message of another protocol"]) {
  Deno.test(`an application whose lifespan ${how} runs without it, and without a line in the log`, async () => {
    const lifespan: Application<LifespanScope> = async (_scope, _receive, send) => {
      const sendAny = send as (message: object) => Promise<void>;
      if (how.startsWith("sends")) await sendAny({ type: "http.response.start", status: 200 });
    };
    const http = stateful;
    await using server = await startServer(
      ProtocolTypeRouter(how === "has no route" ? { http } : { http, lifespan }),
    );
    assertEquals(await (await fetch(`http://${server.host}/`)).json(), null);
    await server.stop();
    assertEquals(server.log.items, []);
  });
}

Deno.test("an application whose lifespan throws immediately runs without it, and a warning", async () => {
  const error = new Error("no database");
  const lifespan = () => Promise.reject(error);
  await using server = await startServer(ProtocolTypeRouter({ http: stateful, lifespan }));
  assertEquals(await (await fetch(`http://${server.host}/`)).json(), null);
  assertEquals(server.log.items, [
    { level: "warn", message: "The application failed at startup", error },
  ]);
});

Deno.test("lifespan.startup.failed rejects serve() with its message, before it listens", async () => {
  const lifespan: Application<LifespanScope> = async (_scope, receive, send) => {
    await receive();
    await send({ type: "lifespan.startup.failed", message: "no database" });
  };
  const error = await assertRejects(
    () => startServer(ProtocolTypeRouter({ http: stateful, lifespan })),
    LifespanError,
    "The application failed at startup: no database",
  );
  assertEquals([error.phase, error.reason], ["startup", "no database"]);
});

Deno.test("lifespan.shutdown.failed rejects serve() with its message", async () => {
  const lifespan: Application<LifespanScope> = async (_scope, receive, send) => {
    await receive();
    await send({ type: "lifespan.startup.complete" });
    await receive();
    await send({ type: "lifespan.shutdown.failed", message: "disk full" });
  };
  await using server = await startServer(ProtocolTypeRouter({ http: stateful, lifespan }));
  const error = await assertRejects(() => server.stop(), LifespanError);
  assertEquals([error.phase, error.reason], ["shutdown", "disk full"]);
  await assertRejects(() => fetch(`http://${server.host}/`), TypeError);
});

Deno.test("a lifespan that hangs at startup ends with the signal, after shutdownTimeout", async () => {
  const control = new AbortController();
  const lifespan = () => {
    control.abort();
    return new Promise<void>(() => {});
  };
  const options = { port: 0, signal: control.signal, shutdownTimeout: 50 };
  const error = await assertRejects(
    () => serve(ProtocolTypeRouter({ lifespan }), options),
    ShutdownTimeoutError,
  );
  assertEquals(error.interrupted, ["lifespan.startup"]);
});

Deno.test("a lifespan that hangs at shutdown rejects serve() after shutdownTimeout", async () => {
  const lifespan: Application<LifespanScope> = async (_scope, receive, send) => {
    await receive();
    await send({ type: "lifespan.startup.complete" });
    await new Promise(() => {});
  };
  const application = ProtocolTypeRouter({ http: stateful, lifespan });
  await using server = await startServer(application, { shutdownTimeout: 50 });
  const error = await assertRejects(() => server.stop(), ShutdownTimeoutError);
  assertEquals(error.interrupted, ["lifespan.shutdown"]);
  await assertRejects(() => fetch(`http://${server.host}/`), TypeError);
});

Deno.test("a lifespan that fails while the server runs is logged, and the server continues", async () => {
  const error = new Error("timer");
  const fail = Promise.withResolvers<void>();
  await using server = await startServer(ProtocolTypeRouter({
    http: stateful,
    lifespan: async (_scope, receive, send) => {
      await receive();
      await send({ type: "lifespan.startup.complete" });
      await fail.promise;
      throw error;
    },
  }));
  fail.resolve();
  await server.log.reach(1);
  assertEquals(server.log.items[0]?.error, error);
  assertEquals(await (await fetch(`http://${server.host}/`)).json(), {});
});

Deno.test("a fetch handler starts the lifespan once, with its first request", async () => {
  const events = new Tally<string>();
  const handler = toFetchHandler(
    ProtocolTypeRouter({ lifespan: tidy(events), http: stateful }),
  );
  assertEquals(events.items, []);
  const requests = ["/a", "/b"].map((path) => handler(new Request(`http://localhost${path}`)));
  const responses = await Promise.all(requests);
  assertEquals(await Promise.all(responses.map((response) => response.json())), [{}, {}]);
  assertEquals(events.items, ["lifespan.startup"]);
  await handler.shutdown();
  assertEquals(events.items, ["lifespan.startup", "lifespan.shutdown"]);
});

Deno.test("a fetch handler that was never called shuts down without a lifespan", async () => {
  const events = new Tally<string>();
  const handler = toFetchHandler(ProtocolTypeRouter({ lifespan: tidy(events), http: stateful }));
  await handler.shutdown();
  assertEquals(events.items, []);
  assertEquals((await handler(new Request("http://localhost/"))).status, 503);
});

Deno.test("a fetch handler whose application cannot start answers with 500 and logs why", async () => {
  const log = new Tally<ServerLogEntry>();
  const lifespan: Application<LifespanScope> = async (_scope, receive, send) => {
    await receive();
    await send({ type: "lifespan.startup.failed", message: "hunter2" });
  };
  const handler = toFetchHandler(ProtocolTypeRouter({ lifespan, http: stateful }), {
    log: (entry) => log.add(entry),
  });
  const response = await handler(new Request("http://localhost/"));
  assertEquals([response.status, await response.text()], [500, "Internal Server Error\n"]);
  assertMatch(String(log.items[0]?.error), /hunter2/);
  await handler.shutdown();
});

Deno.test("send() of a lifespan rejects what is not a reply to its phase", async () => {
  const errors = new Tally<string>();
  const lifespan: Application<LifespanScope> = async (_scope, receive, send) => {
    const sendAny = send as (message: unknown) => Promise<void>;
    const refused = (message: unknown) =>
      sendAny(message).catch(({ name, message }) => errors.add(`${name}: ${message}`));
    await receive();
    await refused({ type: "lifespan.shutdown.complete" });
    await refused(null);
    await send({ type: "lifespan.startup.complete" });
    await refused({ type: "lifespan.startup.complete" });
    await receive();
    await send({ type: "lifespan.shutdown.complete" });
  };
  await using server = await startServer(ProtocolTypeRouter({ http: stateful, lifespan }));
  await server.stop();
  assertEquals(errors.items, [
    'TypeError: Cannot send "lifespan.shutdown.complete" now: allowed is ' +
    "lifespan.startup.complete or lifespan.startup.failed",
    "TypeError: A message must be an object with a type, got null",
    'TypeError: Cannot send "lifespan.startup.complete" now: allowed is ' +
    "lifespan.shutdown.complete or lifespan.shutdown.failed",
  ]);
});
