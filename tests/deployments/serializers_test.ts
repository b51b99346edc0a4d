import { assertEquals } from "@std/assert";
import { RedisChannelLayer } from "@asgi/channels";
import { startNode, testWithRedis } from "../helpers/redis.ts";
import { sharedServers, testDeployment } from "./helpers/conformance.ts";

const BYTES = "JSON carries no bytes";

testWithRedis("RedisChannelLayer with JSON, and encrypted", () => {
  testDeployment({
    name: "RedisChannelLayer with JSON",
    start: () => startNode(),
    options: ({ at }) => ({ url: `redis://${at}`, serializer: "json" }),
    except: Object.fromEntries(
      [
        "send() leaves the caller free to change the message",
        "send() takes a message of 1 MiB and refuses one byte more",
        "send() takes a message of 1 MiB to a process-local channel",
        "sendMany() sends nothing when one of its messages is too large",
        "sendMany() takes messages that are large together",
        "groupSend() refuses a message that is too large",
        "groupSend() gives each receiver an object of its own",
        "groupSend() reaches process-local channels, each once",
        "groupSend() reaches process-local channels of several layers",
        "groupSend() reaches process-local and ordinary channels",
        "groupSend() gives each process-local channel an object of its own",
        "receive() gives exactly what was sent, whatever it was",
        "receive() gives a process-local channel exactly what was sent, whatever it was",
        "receive() gives exactly what was sent to a group, whatever it was",
        "receive() gives values at their limits exactly",
        "receive() gives plain objects and bytes for what only looks different",
      ].map((name) => [name, BYTES]),
    ),
  });

  testDeployment({
    name: "RedisChannelLayer, encrypted",
    start: () => startNode(),
    options: ({ at }) => ({ url: `redis://${at}`, symmetricEncryptionKeys: ["secret"] }),
  });

  const servers = sharedServers(() => startNode());

  Deno.test("RedisChannelLayer: JSON preserves large numbers", async () => {
    const url = `redis://${servers().at}`;
    await using layer = new RedisChannelLayer({ url, serializer: "json" });
    const values = [1e20, -1e20, 2 ** 60, 2n ** 60n, 2 ** 53, 2n ** 63n - 1n, 1e300, -0, 0.1];
    await layer.send("letters", { type: "a", values });
    assertEquals((await layer.receive("letters"))["values"], values);
  });
});
