import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  type ChannelLayer,
  type ChannelLayerOptions,
  RedisChannelLayer,
  SqliteChannelLayer,
} from "@asgi/channels";
import { withClockAt } from "../helpers/clock.ts";
import { startProgram } from "../helpers/program.ts";
import { event, remaining } from "../helpers/events.ts";
import { startRedis, testWithRedis } from "../helpers/redis.ts";
import { temporaryFolder } from "../helpers/temporary.ts";

const APP = new URL("../fixtures/faulty_app.ts", import.meta.url).href;
const isUnix = Deno.build.os !== "windows";

/** A layer for each call, which all share their messages. */
type Connect = (options?: ChannelLayerOptions) => ChannelLayer;

async function numbersIn(layer: ChannelLayer): Promise<unknown[]> {
  return (await remaining(layer, "letters")).map(({ number }) => number);
}

async function checkClockSetBack(connect: Connect): Promise<void> {
  const sender = connect();
  for (const number of [0, 1]) await sender.send("letters", event(number));
  await withClockAt(-5_000, () => sender.sendMany("letters", [event(2), event(3)]));
  await sender.send("letters", event(4));
  assertEquals(await numbersIn(connect()), [0, 1, 2, 3, 4]);
}

async function checkSlowClock(connect: Connect): Promise<void> {
  await withClockAt(-5_000, () => connect().send("letters", event(0)));
  assertEquals(await numbersIn(connect({ expiry: 10_000 })), [0]);
  await withClockAt(-5_000, () => connect().send("letters", event(1)));
  assertEquals(await numbersIn(connect({ expiry: 3_000 })), []);
}

async function checkReceiversClock(connect: Connect): Promise<void> {
  await connect({ expiry: 1_000 }).send("letters", event(0));
  await withClockAt(-5_000, async () => {
    assertEquals(await numbersIn(connect({ expiry: 1_000 })), [0]);
  });
}

const CLOCK_CHECKS = {
  "a clock that is set back changes the order of nothing": checkClockSetBack,
  "a receiver whose clock is set back still takes what is there": checkReceiversClock,
};

for (const [name, check] of Object.entries(CLOCK_CHECKS)) {
  Deno.test(`${name}, on SQLite`, async () => {
    await using stack = new AsyncDisposableStack();
    const folder = stack.use(await temporaryFolder());
    const path = `${folder.path}/events.sqlite3`;
    await check((options = {}) => stack.use(new SqliteChannelLayer({ ...options, path })));
  });
}

Deno.test("a message sent after the clock was set back is older by the difference, on SQLite", async () => {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const path = `${folder.path}/events.sqlite3`;
  await checkSlowClock((options = {}) => stack.use(new SqliteChannelLayer({ ...options, path })));
});

testWithRedis("The clock and the files of the host", () => {
  for (const [name, check] of Object.entries(CLOCK_CHECKS)) {
    Deno.test(`${name}, on Redis`, async () => {
      await using stack = new AsyncDisposableStack();
      const { url } = stack.use(await startRedis());
      await check((options = {}) => stack.use(new RedisChannelLayer({ ...options, url })));
    });
  }

  Deno.test({
    name: "a worker without a free file descriptor logs it, and reconnects once there is one",
    ignore: !isUnix,
    fn: async () => {
      await using redis = await startRedis();
      await using layer = new RedisChannelLayer({ url: redis.url });
      const args = ["runworker", "a", "--app", APP, "--layer", redis.url];
      await using worker = startProgram(args, { shell: 'ulimit -n 64; exec "$@"' });
      await worker.stderr.until("Listening on");
      await layer.send("a", { type: "exhaust.files", id: 1, duration: 300 });
      await worker.stdout.until("1");
      await redis.cli("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
      await worker.stderr.until("retrying");
      await worker.stderr.until("Reconnected to");
      await using other = new RedisChannelLayer({ url: redis.url });
      await other.send("a", { type: "record", id: 2 });
      await worker.stdout.until("2");
      await worker.stdout.until("released");
      worker.kill("SIGTERM");
      assertEquals(await worker.end, 0);
    },
  });
});

Deno.test({
  name: "a worker whose standard error is closed keeps working",
  ignore: !isUnix,
  fn: async () => {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/events.sqlite3`;
    await using layer = new SqliteChannelLayer({ path });
    const types = ["record", "throw.undefined", "record"];
    await layer.sendMany("a", types.map((type, id) => ({ type, id })));
    const args = ["runworker", "a", "-v", "--burst", "--app", APP, "--layer", `sqlite:${path}`];
    await using worker = startProgram(args, { shell: 'exec "$@" 2>&-' });
    assertEquals(await worker.end, 0);
    assertEquals(worker.stdout.all, ["0", "2"]);
    assertStringIncludes(await Deno.readTextFile(path), "SQLite format 3");
  },
});
