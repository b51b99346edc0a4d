import {
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertNotEquals,
  assertRejects,
} from "@std/assert";
import {
  ChannelNameRouter,
  ConsumerConfigurationError,
  MemoryChannelLayer,
  ProtocolTypeRouter,
  ShutdownTimeoutError,
  SyncConsumer,
  ThreadError,
} from "@asgi/channels";
import { ServerResources } from "../../src/protocol/internal.ts";
import { Tally } from "../helpers/events.ts";
import { useMemoryLayer } from "../helpers/layers.ts";
import { letters, ThreadedConsumer } from "../helpers/threads.ts";
import { runBurst, startWorker } from "../helpers/worker.ts";
import type { Application, ChannelScope, LogEntry, Scope } from "@asgi/channels";
import { ApplicationCommunicator } from "@asgi/channels/testing";

const fixture = (name: string) => new URL(`../fixtures/threads/${name}`, import.meta.url).href;

/** Ways for a thread to exit, and a part of the error. */
const DEATHS = [
  ["exit", "exit code 3"],
  ["close", "exit code 0"],
  ["hoard", "memory limit of 64 MB exceeded"],
] as const;

for (const [type, reason] of DEATHS) {
  Deno.test(`a thread that exits by "${type}" fails the event in flight, and is replaced`, async () => {
    const application = letters({ memoryLimit: 64 });
    await using other = new ThreadedConsumer(application);
    const { thread } = await other.ask("tell.thread");
    await other.ask("letter.sent");
    const consumer = new ThreadedConsumer(application);
    await consumer.send(type);
    const error = await assertRejects(() => consumer.end(), ThreadError);
    assertEquals([error.consumer, error.type, error.reason], ["LetterConsumer", type, reason]);
    assertNotEquals((await other.ask("tell.thread")).thread, thread);
    assertEquals((await other.ask("letter.sent")).count, 1, "a fresh instance");
  });
}

Deno.test("a handler that takes longer than its time limit fails, and its thread is terminated", async () => {
  const application = letters({ timeLimit: 200 });
  const consumer = new ThreadedConsumer(application);
  await consumer.send("burn.for.ever");
  const error = await assertRejects(() => consumer.end(), ThreadError);
  assertEquals([error.type, error.timeLimit], ["burn.for.ever", 200]);
});

Deno.test("the time that an event waits for its thread doesn't count", async () => {
  const application = letters({ timeLimit: 1_000 });
  await using one = new ThreadedConsumer(application);
  await using other = new ThreadedConsumer(application);
  await using third = new ThreadedConsumer(application);
  const events = [one, other, third].map((consumer) => consumer.ask("burn", { duration: 500 }));
  assertEquals((await Promise.all(events)).map(({ type }) => type), ["burnt", "burnt", "burnt"]);
});

Deno.test("events that wait for a thread that exits are handled on the next one, in order", async () => {
  const application = letters({ timeLimit: 300 });
  const guilty = new ThreadedConsumer(application);
  await using one = new ThreadedConsumer(application);
  await using other = new ThreadedConsumer(application);
  await guilty.send("burn.for.ever");
  const answers = Promise.all([one.ask("letter.sent"), other.ask("letter.sent")]);
  await assertRejects(() => guilty.end(), ThreadError);
  assertEquals((await answers).map(({ count }) => count), [1, 1]);
});

Deno.test("prepare() rejects what can't run on a thread, and says why", async () => {
  const application = ProtocolTypeRouter({
    channel: ChannelNameRouter({
      hidden: class HiddenConsumer extends SyncConsumer {
        static override module = fixture("others.ts");
      }.asAsgi(),
      impostor: letters({}, fixture("others.ts")),
      throws: letters({}, fixture("throws.ts")),
      missing: letters({}, fixture("missing.ts")),
      leaves: letters({}, fixture("leaves.ts")),
    }),
  });
  const refusal = async (channel: string) => {
    await using server = new ServerResources();
    const error = await assertRejects(
      () => server.prepare(application, [channel]),
      ConsumerConfigurationError,
    );
    return error.message + (error.cause ? `: ${error.cause}` : "");
  };
  assertEquals(
    await refusal("hidden"),
    `HiddenConsumer cannot run on threads: its module ${
      fixture("others.ts")
    } does not export it; ` +
      'export the class there, or add "static override module = import.meta.url" to it',
  );
  assertMatch(await refusal("impostor"), /the class of that name .* does not extend SyncConsumer/);
  assertMatch(await refusal("throws"), /cannot be loaded: RangeError: not today$/);
  assertMatch(await refusal("missing"), /cannot be loaded: TypeError: Module not found ".*missing/);
  assertMatch(await refusal("leaves"), /its module exited the thread: exit code 7/);
});

Deno.test("prepare() prepares only the requested channels, and a default export", async () => {
  const { default: Unnamed } = await import("../fixtures/threads/others.ts");
  const application = ChannelNameRouter({
    unnamed: Unnamed.asAsgi(),
    broken: letters({}, fixture("throws.ts")),
    plain: async () => {},
  });
  await using server = new ServerResources();
  await server.prepare(application, ["unnamed", "plain", "unknown"]);
});

Deno.test("an application that wasn't prepared fails as the preparation would", async () => {
  const consumer = new ThreadedConsumer(letters({}, fixture("throws.ts")));
  await consumer.send("letter.sent");
  await assertRejects(() => consumer.end(), ConsumerConfigurationError, "cannot be loaded");
});

Deno.test("threads that are still starting are ended as well", async () => {
  await using server = new ServerResources();
  server.prepare(letters(), ["letters"]).catch(() => {});
});

Deno.test("threads live as long as a server that has prepared them", async () => {
  const application = letters();
  const threadOf = async () => {
    await using consumer = new ThreadedConsumer(application);
    return (await consumer.ask("tell.thread")).thread;
  };
  assertNotEquals(await threadOf(), await threadOf());
  await using server = new ServerResources();
  await server.prepare(application, ["letters"]);
  assertEquals(await threadOf(), await threadOf());
});

/** Wraps an application as users do: without any knowledge of threads. */
function wrapped<S extends Scope>(inner: Application<S>): Application<S> {
  return async (scope, receive, send) => await inner(scope, receive, send);
}

Deno.test("a wrapped consumer keeps its thread after a failure, under a worker", async () => {
  await using test = useMemoryLayer();
  const failures = new Tally<unknown>();
  await using _worker = await startWorker({
    layer: test.layer,
    application: wrapped(letters()),
    channels: ["letters"],
    onError: (error) => failures.add(error),
  });
  const threads = [];
  for (let count = 1; count <= 2; count++) {
    await test.layer.send("letters", { type: "fail.with.thread" });
    await failures.reach(count);
    threads.push((failures.items.at(-1) as Error).message);
  }
  assertMatch(threads[0] ?? "", /^[0-9a-f-]{36}$/);
  assertEquals(threads[0], threads[1]);
});

Deno.test("a wrapped consumer keeps its thread after a failure, in a communicator", async () => {
  const threads: string[] = [];
  const again: Application<ChannelScope> = async (scope, receive, send) => {
    const inner = wrapped(letters());
    while (threads.length < 2) {
      await inner(scope, receive, send).catch((error) => threads.push(error.message));
    }
  };
  const consumer = new ThreadedConsumer(again);
  await consumer.send("fail.with.thread");
  await consumer.send("fail.with.thread");
  await consumer.end();
  assertMatch(threads[0] ?? "", /^[0-9a-f-]{36}$/);
  assertEquals(threads[0], threads[1]);
});

Deno.test("the threads of a wrapped consumer end with its worker", async () => {
  await using test = useMemoryLayer();
  const application = wrapped(letters());
  const failures: string[] = [];
  for (let count = 1; count <= 2; count++) {
    await test.layer.send("letters", { type: "fail.with.thread" });
    const { errors } = await runBurst({ layer: test.layer, application, channels: ["letters"] });
    failures.push(...errors.map(({ error }) => (error as Error).message));
  }
  assertEquals(failures.length, 2);
  assertNotEquals(failures[0], failures[1]);
});

Deno.test("the timeouts of a communicator begin once the threads have started", async () => {
  for (
    const application of [letters({}, fixture("slow.ts")), wrapped(letters({}, fixture("slow.ts")))]
  ) {
    await using communicator = new ApplicationCommunicator(application, {
      type: "channel",
      channel: "letters",
    });
    await communicator.sendInput({ type: "letter.sent" });
    assertEquals((await communicator.receiveOutput()).type, "read");
  }
});

Deno.test("the threads of an application that ignores the stop end with the server", async () => {
  const restarts: Application<ChannelScope> = async (scope, receive, send) => {
    const inner = letters();
    for (;;) await inner(scope, receive, send).catch(() => {});
  };
  await using consumer = new ThreadedConsumer(restarts);
  assertEquals((await consumer.ask("letter.sent")).count, 1);
});

Deno.test("a worker doesn't begin with a consumer that can't be run: no event is lost", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.send("letters", { type: "letter.sent" });
  const application = letters({}, fixture("throws.ts"));
  const options = { layer, application, channels: ["letters"] };
  await assertRejects(() => startWorker(options), ConsumerConfigurationError, "cannot be loaded");
  assertEquals((await layer.receiveMany("letters", { limit: 9, wait: false })).length, 1);
});

Deno.test("a worker counts failures on threads, and handles the other events", async () => {
  await using test = useMemoryLayer();
  const { layer } = test;
  const send = (type: string) =>
    layer.send("letters", { type, method: "send", args: ["answers", { type: "sent" }] });
  const types = ["call.layer", "exit", "fail", "burn.for.ever", "nothing", "stop", "call.layer"];
  for (const type of types) await send(type);
  const { worker, errors } = await runBurst({
    layer,
    application: letters({ timeLimit: 500 }),
    channels: ["letters"],
  });
  // What it sends to the other end of its connection is refused: there is none.
  const names = errors.map(({ error }) => (error as Error).name);
  const expected = ["TypeError", "ThreadError", "LetterError", "ThreadError"];
  assertEquals(names, [...expected, "NoHandlerError", "TypeError"]);
  const { received, requeued, handled, failed, dropped } = worker.counts;
  assertEquals([received - requeued, handled, failed, dropped], [7, 1, 5, 1]);
  assertEquals((await layer.receiveMany("answers", { limit: 9, wait: false })).length, 2);
});

Deno.test("a failed handler of a worker doesn't end its thread", async () => {
  await using test = useMemoryLayer();
  const replies = new Tally<LogEntry>();
  await using _worker = await startWorker({
    layer: test.layer,
    application: letters(),
    channels: ["letters"],
    onError: (error) => replies.add(error as LogEntry),
  });
  const tell = async () => {
    await test.layer.send("letters", { type: "fail.with.thread" });
    await replies.reach(replies.items.length + 1);
    return replies.items.at(-1)?.message;
  };
  assertEquals(await tell(), await tell());
});

Deno.test("a handler that exceeds the shutdown timeout of its worker ends with its thread", async () => {
  await using test = useMemoryLayer();
  const errors = new Tally<unknown>();
  const started = await startWorker({
    layer: test.layer,
    application: letters(),
    channels: ["letters"],
    shutdownTimeout: 50,
    onError: (error) => errors.add(error),
  });
  await test.layer.send("letters", { type: "answer.late", duration: 60_000, replyTo: "answers" });
  await test.layer.receive("answers");
  await assertRejects(() => started.stop(), ShutdownTimeoutError, "letters/answer.late");
  await errors.reach(1);
  const [error] = errors.items;
  assertInstanceOf(error, ThreadError);
  assertEquals(error.reason, "the server has stopped");
});

Deno.test("a worker that is stopped lets a handler on a thread finish", async () => {
  await using test = useMemoryLayer();
  const started = await startWorker({
    layer: test.layer,
    application: letters(),
    channels: ["letters"],
  });
  await test.layer.send("letters", { type: "answer.late", duration: 300, replyTo: "answers" });
  await test.layer.receive("answers");
  await started.stop();
  assertEquals((await test.layer.receive("answers")).type, "finished");
  assertEquals(started.worker.counts.handled, 1);
});
