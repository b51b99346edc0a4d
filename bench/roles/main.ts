/**
 * What runs in each process of this library, and of plain node-redis:
 * `deno run -A bench/roles/main.ts layer|raw TASK`, with the task in JSON.
 *
 * @module
 */
import { type ChannelLayer, configureChannelLayers, getChannelLayer } from "@asgi/channels";
import type { Task } from "../tasks.ts";
import { publish, serveBareSite } from "./bare_site.ts";
import { Feed } from "./feed.ts";
import { fill } from "./fill.ts";
import { groupSend, join } from "./group.ts";
import { LayerSubject } from "./layer_subject.ts";
import { pace } from "./pace.ts";
import { RawSubject } from "./raw_subject.ts";
import { measureSending } from "./send.ts";
import { serveSite } from "./site.ts";
import type { Subject } from "./subject.ts";
import { onEachLine, report } from "./terminal.ts";
import { work, workAlone } from "./work.ts";

/** The layer isn't the one called `default`: the environment can replace that. */
const ALIAS = "bench";

/** Events of a bench may wait longer than others: filling a channel takes its time. */
const EXPIRY = 600_000;

if (import.meta.main) {
  const [subject, task = ""] = Deno.args;
  await play(JSON.parse(task), subject === "raw");
  Deno.exit();
}

async function play(task: Task, isRaw: boolean): Promise<void> {
  if (task.role === "join") return await join(task, layerOf(task));
  if (task.role === "groupSend") {
    return isRaw ? await publish(task) : await groupSend(task, layerOf(task));
  }
  if (task.role === "site") {
    return isRaw ? await serveBareSite(task) : await serveSite(task, configure(task));
  }
  const subject = isRaw
    ? await RawSubject.open(task.url, task.capacity)
    : new LayerSubject(layerOf(task));
  await playWith(subject, task);
}

async function playWith(
  subject: Subject,
  task: Exclude<Task, { readonly role: "join" | "groupSend" | "site" }>,
): Promise<void> {
  switch (task.role) {
    case "fill":
      await fill(task, subject);
      return report({});
    case "send":
      return report(await measureSending(task, subject));
    case "work":
      return await work(task, subject);
    case "alone":
      return await workAlone(task, subject);
    case "pace":
      await pace(task, subject);
      return report({});
    case "feed": {
      const feed = new Feed(task, subject);
      await Promise.all([feed.run(), onEachLine(() => report(feed.report()))]);
    }
  }
}

function layerOf(task: Task): ChannelLayer {
  return getChannelLayer(configure(task));
}

/** Configures the layer as its users do, by a URL, and returns its alias. */
function configure({ url, capacity }: Task): string {
  configureChannelLayers({ [ALIAS]: `${url}?capacity=${capacity}&expiry=${EXPIRY}` });
  return ALIAS;
}
