import { MemoryChannelLayer } from "@asgi/channels";
import { testChannelLayer } from "@asgi/channels/testing/conformance";
import { backendOf } from "../helpers/layers.ts";

const ALONE = "two of them share nothing";

testChannelLayer({
  name: "MemoryChannelLayer",
  open: () => Promise.resolve(backendOf((options) => new MemoryChannelLayer(options))),
  except: {
    "send() counts the events that other layers have sent and received": ALONE,
    "groupSend() reaches channels that other layers have added": ALONE,
    "requeue() preserves the order for another layer": ALONE,
    "requeue() wakes a receive() of another layer": ALONE,
    "requeue() uses the capacity of the channel for other layers as well": ALONE,
    "flush() frees the capacity of a channel for other layers": ALONE,
    "prefix separates layers": ALONE,
    "prefix may contain characters that have a meaning in patterns": ALONE,
    "prefix separates layers even if one prefix is the beginning of the other": ALONE,
    "close() keeps sent events for other layers": ALONE,
    "close() loses no event that is being sent": ALONE,
    "newChannel() returns names that differ from those of another layer": ALONE,
    "send() reaches a process-local channel of another layer": ALONE,
    "receive() from a process-local channel of another layer rejects and takes no message": ALONE,
    "groupSend() reaches process-local channels of several layers": ALONE,
    "subscribe() reaches subscriptions of several layers": ALONE,
    "receive() delivers each event once to receivers on four layers": ALONE,
    "send() loses no event of senders on four layers": ALONE,
    "send() and receive() work concurrently on four layers": ALONE,
    "send() reaches a receive() of another layer": ALONE,
    "send() wakes a receive() of another layer": ALONE,
  },
});
