import { assertEquals } from "@std/assert";
import { RedisChannelLayer } from "@asgi/channels";
import { startProgram } from "../../helpers/program.ts";
import { startRedis, testWithRedis } from "../../helpers/redis.ts";
import { checkBlockedLoop } from "../blocked_loop.ts";
import { withIds } from "../../helpers/events.ts";
import { pause } from "../../helpers/waiting.ts";

const APP = new URL("../../fixtures/faulty_app.ts", import.meta.url).href;

/** How many events the worker has before it, on its way and behind it. */
const EVENTS = 6_000;

/** Blocks a worker in the middle of its events, and checks that it handles all of them. */
async function checkWorker(
  burning: number,
  interrupt: (kill: (signal: Deno.Signal) => void) => Promise<void>,
): Promise<void> {
  await using redis = await startRedis();
  const options = { url: redis.url, capacity: EVENTS, expiry: 600_000 };
  await using layer = new RedisChannelLayer(options);
  const url = `${redis.url}?expiry=600000`;
  await using worker = startProgram(["runworker", "a", "--app", APP, "--layer", url]);
  await worker.stderr.until("Listening on");
  const events = withIds(EVENTS, { type: "record" });
  if (burning > 0) Object.assign(events[EVENTS / 2]!, { type: "burn", duration: burning });
  await layer.sendMany("a", events);
  await interrupt(worker.kill);
  await worker.stdout.count(EVENTS);
  worker.kill("SIGTERM");
  assertEquals(await worker.end, 0);
  assertEquals(worker.stdout.all.map(Number), events.map(({ id }) => id));
  assertEquals(worker.stderr.all.filter((line) => line.includes("error")), []);
}

testWithRedis("A worker whose event loop is blocked", () => {
  for (const seconds of [12, 60]) {
    Deno.test(`an event loop blocked for ${seconds} s: arrived events are received, and the connection stays open`, async () => {
      await checkBlockedLoop(seconds * 1_000);
    });
  }

  Deno.test("a handler that burns CPU for 12 s in the middle of a backlog costs no event", async () => {
    await checkWorker(12_000, () => Promise.resolve());
  });

  for (const seconds of [7, 60]) {
    Deno.test(`a worker that is stopped for ${seconds} s (SIGSTOP) and continues loses no event`, async () => {
      await checkWorker(0, async (kill) => {
        kill("SIGSTOP");
        await pause(seconds * 1_000);
        kill("SIGCONT");
      });
    });
  }
});
