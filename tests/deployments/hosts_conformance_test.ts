import { startNode, testWithRedis } from "../helpers/redis.ts";
import { startAll, testDeployment } from "./helpers/conformance.ts";

const ORDER = "each host keeps its own order";
const CAPACITY = "each host holds that many";

testWithRedis("RedisChannelLayer on three hosts", () => {
  testDeployment({
    name: "RedisChannelLayer on three hosts",
    start: () => startAll(3, startNode),
    options: ({ all }) => ({ hosts: all.map(({ at }) => `redis://${at}`) }),
    except: {
      "receive() gives first what was sent first": ORDER,
      "receive() keeps the order of sends that nobody awaited in between": ORDER,
      "receive() keeps the order of sendMany() and what follows it at once": ORDER,
      "receive() keeps the order of each sender while others send": ORDER,
      "receiveMany() loses nothing when abort and send race": ORDER,
      "sendMany() takes what can be iterated": ORDER,
      "sendMany() takes messages that are large together": ORDER,
      "requeue() puts deliveries to the front, in their order": ORDER,
      "requeue() takes its room in the channel again": CAPACITY,
      "requeue() takes its room in the eyes of other layers": CAPACITY,
      "send() refuses what a channel has no room for": CAPACITY,
      "send() takes a hundred by default": CAPACITY,
      "send() finds room again after a receive()": CAPACITY,
      "send() with waitForCapacity waits until there is room": CAPACITY,
      "send() without waitForCapacity is refused while another waits for room": CAPACITY,
      "send() without waitForCapacity is rejected immediately behind a large sendMany() that waits":
        CAPACITY,
      "send() finds room again once no other send() waits for it": CAPACITY,
      "send() that is aborted while it waits for room sends nothing": CAPACITY,
      "sendMany() that waits for room longer than its timeout says how many it sent": CAPACITY,
      "close() ends a send() that waits for room": CAPACITY,
      "sendMany() with waitForCapacity sends more than a channel holds, in order": ORDER,
      "send() with waitForCapacity keeps the order of those that wait side by side": ORDER,
      "send() counts what others have sent and received": CAPACITY,
      "sendMany() sends the first ones and says how many": CAPACITY,
      "sendMany() sends the first ones of very many": CAPACITY,
      "groupSend() leaves out a channel that is full": CAPACITY,
      "channelCapacity counts by the first glob that matches the whole name": CAPACITY,
      "channelCapacity takes regular expressions": CAPACITY,
    },
  });
});
