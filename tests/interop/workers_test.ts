import { assertEquals, assertStringIncludes } from "@std/assert";
import { RedisChannelLayer } from "@asgi/channels";
import { type Program, startProgram } from "../helpers/program.ts";
import { type RedisServer, untilBlocked } from "../helpers/redis.ts";
import { startSite, testWithPython } from "./python.ts";
import { range } from "../helpers/events.ts";

const APP = new URL("app.ts", import.meta.url).href;

/** How many events are in flight at once. */
const EVENTS = 1000;

/** Starts our `runworker`, and waits until it listens. */
async function startDenoWorker(redis: RedisServer, channel: string): Promise<Program> {
  const layer = `${redis.url}?capacity=${EVENTS}`;
  const worker = startProgram(["runworker", channel, "--app", APP, "--layer", layer]);
  await worker.stderr.until("Listening on");
  return worker;
}

/** Returns a function that waits for the next lines that a worker prints. */
function readerOf({ stdout }: Program): (count: number) => Promise<string[]> {
  let taken = 0;
  return async (count) => {
    await stdout.count(taken + count);
    return stdout.all.slice(taken, taken += count);
  };
}

testWithPython("Workers of Deno and Django handle each other's events", async (t, redis) => {
  await using layer = new RedisChannelLayer({ url: redis.url, capacity: EVENTS });
  await using python = startSite(redis, ["runworker", "python", "python-others"]);
  await using deno = await startDenoWorker(redis, "deno");
  await untilBlocked(redis, 2);
  const [fromPython, fromDeno] = [readerOf(python), readerOf(deno)];
  const events = range(EVENTS).map(String).map((id) => ({ type: "record", id }));

  /** Has a worker print all that is before this, so that an event too many would show. */
  async function assertHandled(worker: "python" | "deno", sort = false): Promise<void> {
    await layer.send(worker, { type: "record", id: "end" });
    const lines = await (worker === "python" ? fromPython : fromDeno)(EVENTS + 1);
    assertEquals(lines.pop(), "end");
    if (sort) lines.sort((one, other) => Number(one) - Number(other));
    assertEquals(lines, range(EVENTS).map(String));
  }

  await t.step("Django handles 1,000 events that Deno sends one by one, in order", async () => {
    for (const event of events) await layer.send("python", event);
    await assertHandled("python");
  });

  await t.step("Django handles 1,000 events that Deno sends at once, in order", async () => {
    await Promise.all(events.map((event) => layer.send("python", event)));
    await assertHandled("python");
  });

  await t.step("Django handles 1,000 events of the command line, in order", async () => {
    const stdin = events.map((event) => JSON.stringify(event)).join("\n");
    const args = ["send", "python", "-", "--layer", `${redis.url}?capacity=${EVENTS}`];
    await using program = startProgram(args, { stdin });
    assertEquals(await program.end, 0, program.stderr.all.join("\n"));
    await assertHandled("python");
  });

  await t.step("Deno handles 1,000 events that Django sends one by one, in order", async () => {
    const order = { type: "send.numbered", channel: "deno", count: EVENTS, at_once: false };
    await layer.send("python-others", order);
    await deno.stdout.count(EVENTS);
    await assertHandled("deno");
  });

  await t.step("Deno handles 1,000 events that Django sends at once, each once", async () => {
    const order = { type: "send.numbered", channel: "deno", count: EVENTS, at_once: true };
    await layer.send("python-others", order);
    await deno.stdout.count(2 * EVENTS + 1);
    await assertHandled("deno", true);
  });

  await t.step("a Deno consumer gets Django's answer over its own channel", async () => {
    await layer.send("deno", { type: "ask", channel: "python", question: "Deno's question" });
    assertEquals(await fromDeno(1), ["Python to Deno's question"]);
  });

  await t.step("a Django consumer gets Deno's answer over its own channel", async () => {
    await layer.send("python", { type: "ask", channel: "deno", question: "Python's question" });
    assertEquals(await fromPython(1), ["Deno to Python's question"]);
  });

  await t.step(
    "the Deno worker has received each event once, and exits with status 0",
    async () => {
      deno.kill("SIGTERM");
      assertEquals(await deno.end, 0);
      const received = 2 * (EVENTS + 1) + ["ask", "question"].length;
      const report = `Stopped: ${received} received, ${received} handled, 0 failed, 0 dropped`;
      assertStringIncludes(deno.stderr.all.at(-1) ?? "", report);
    },
  );
});
