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
        "send() is unaffected by later changes of the message",
        "send() accepts a message of 1 MiB and rejects one more byte",
        "send() accepts a message of 1 MiB to a process-local channel",
        "sendMany() sends nothing if one of its messages is too large",
        "sendMany() accepts messages whose total size exceeds 1 MiB",
        "groupSend() rejects a message that is too large",
        "groupSend() delivers a separate object to each receiver",
        "groupSend() reaches each process-local channel once",
        "groupSend() reaches process-local channels of several layers",
        "groupSend() reaches process-local and ordinary channels",
        "groupSend() delivers a separate object to each process-local channel",
        "receive() returns any message exactly as it was sent",
        "receive() returns any message to a process-local channel exactly as it was sent",
        "receive() returns any message to a group exactly as it was sent",
        "receive() returns values at the limits of their encodings exactly",
        "receive() returns plain objects and bytes for objects without a prototype and views of a buffer",
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
