/**
 * What runs in each process of BullMQ: `node play.mjs TASK`, with the task of bench/tasks.ts in
 * JSON. What is a channel elsewhere is a queue here, and an event is a job.
 *
 * @module
 */

import process from "node:process";
import { Queue } from "./bullmq.mjs";
import { feed } from "./feed.mjs";
import { OPTIONS } from "./jobs.mjs";
import { fill, measureSending, pace } from "./send.mjs";
import { report } from "./terminal.mjs";
import { work } from "./work.mjs";

const ROLES = new Map(Object.entries({ fill, send: measureSending, pace, feed, work }));

const task = JSON.parse(process.argv[2]);
const connection = { path: task.url.slice("unix://".length) };
/** @param {string} name */
const open = (name) => new Queue(name, { connection, defaultJobOptions: OPTIONS });

const done = await ROLES.get(task.role)(task, open, connection);
report(done ?? {});
process.exit();
