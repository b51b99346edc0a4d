import { MemoryChannelLayer } from "@asgi/channels";
import { testChannelLayer } from "@asgi/channels/testing/conformance";
import { backendOf } from "../helpers/layers.ts";

const ALONE = "two of them share nothing";

testChannelLayer({
  name: "MemoryChannelLayer",
  open: () => Promise.resolve(backendOf((options) => new MemoryChannelLayer(options))),
  except: {
    "send() counts what others have sent and received": ALONE,
    "groupSend() reaches the channels that other layers added": ALONE,
    "requeue() keeps the order for another layer": ALONE,
    "requeue() wakes a receive() of another layer": ALONE,
    "requeue() takes its room in the eyes of other layers": ALONE,
    "flush() empties the channel for other layers": ALONE,
    "prefix keeps layers apart": ALONE,
    "prefix may hold what has a meaning in patterns": ALONE,
    "prefix keeps apart layers whose prefixes extend one another": ALONE,
    "close() leaves what was sent to other layers": ALONE,
    "close() loses nothing of what is sent meanwhile": ALONE,
    "newChannel() makes names that differ from those of another layer": ALONE,
    "send() reaches a process-local channel of another layer": ALONE,
    "a message to a process-local channel takes nothing from those who may not receive it": ALONE,
    "groupSend() reaches process-local channels of several layers": ALONE,
    "receive() gives each event once to receivers of four layers": ALONE,
    "send() loses nothing of senders on four layers": ALONE,
    "send() and receive() go on side by side on four layers": ALONE,
    "send() reaches a receive() of another layer": ALONE,
    "send() wakes a receive() of another layer": ALONE,
  },
});
