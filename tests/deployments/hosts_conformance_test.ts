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
      "receive() returns events in the order in which they were sent": ORDER,
      "receive() preserves the order of concurrent send() calls": ORDER,
      "receive() preserves the order of concurrent sendMany() and send() calls": ORDER,
      "receive() preserves the order of each of several concurrent senders": ORDER,
      "receiveMany() loses no event when an abort and a send race": ORDER,
      "sendMany() accepts any iterable": ORDER,
      "sendMany() accepts messages whose total size exceeds 1 MiB": ORDER,
      "requeue() returns deliveries to the front of the channel, in order": ORDER,
      "requeue() uses the capacity of the channel again": CAPACITY,
      "requeue() uses the capacity of the channel for other layers as well": CAPACITY,
      "send() rejects when the channel is full": CAPACITY,
      "send() accepts 100 events by default": CAPACITY,
      "send() succeeds again after a receive() from a full channel": CAPACITY,
      "send() with waitForCapacity waits until the channel has capacity": CAPACITY,
      "send() without waitForCapacity is rejected while another send() waits for capacity":
        CAPACITY,
      "send() without waitForCapacity is rejected immediately behind a large sendMany() that waits":
        CAPACITY,
      "send() succeeds again once no other send() waits for capacity": CAPACITY,
      "send() that is aborted while it waits for capacity sends nothing": CAPACITY,
      "sendMany() that waits for capacity longer than its timeout reports how many events were sent":
        CAPACITY,
      "close() rejects a send() that waits for capacity": CAPACITY,
      "sendMany() with waitForCapacity sends more events than the capacity, in order": ORDER,
      "send() with waitForCapacity preserves the order of concurrent calls": ORDER,
      "send() counts the events that other layers have sent and received": CAPACITY,
      "sendMany() to a channel that becomes full sends the first events and reports how many":
        CAPACITY,
      "sendMany() to a channel that becomes full sends the first events of several batches":
        CAPACITY,
      "groupSend() skips a full channel": CAPACITY,
      "channelCapacity uses the first glob that matches the whole name": CAPACITY,
      "channelCapacity accepts regular expressions": CAPACITY,
    },
  });
});
