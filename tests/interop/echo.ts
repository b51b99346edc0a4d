import fc from "fast-check";
import type { ChannelLayer, Message } from "@asgi/channels";
import { assertSame } from "../../src/testing/conformance/same_value.ts";
import type { Peer, PythonLayerConfig } from "./python.ts";

/** How many messages are in transit at the same time. */
const BATCH = 50;

/** Sends messages through Python, and checks that they return unchanged. */
export type Echo = (sent: readonly Message[]) => Promise<void>;

let echoes = 0;

/** Has Python send back what a layer with the same settings sends. */
export async function startEcho(
  layer: ChannelLayer,
  peer: Peer,
  config: PythonLayerConfig,
): Promise<Echo> {
  const [to, back] = [`echo-${++echoes}`, `echoed-${echoes}`];
  await peer.start(config, "echo", to, back);
  return async (sent) => {
    await layer.sendMany(to, sent);
    for (const message of sent) assertSame(await layer.receive(back), message);
  };
}

/** Checks an echo with generated messages; a failure reports the seed instead of the messages. */
export async function assertEchoes(
  echo: Echo,
  generated: fc.Arbitrary<Message>,
  count: number,
): Promise<void> {
  const batches = fc.array(generated, { minLength: BATCH, maxLength: BATCH, size: "max" });
  const parameters = { numRuns: count / BATCH, endOnFailure: true };
  const outcome = await fc.check(fc.asyncProperty(batches, echo), parameters);
  if (!outcome.failed) return;
  throw new Error(`Seed ${outcome.seed}, batch ${outcome.numRuns}`, {
    cause: outcome.errorInstance,
  });
}
