/** Finished jobs aren't kept: nothing that the others don't do either. */
export const OPTIONS = { removeOnComplete: true, removeOnFail: true };

/** The events of bench/roles/events.ts, as jobs. */
export const countedJob = (id) => ({ name: "bench.count", data: { id: 123_456_789 + id } });

export const timedJob = (sentAt) => ({ name: "bench.timed", data: { sentAt } });

export const jobs = (length) => Array.from({ length }, (_, id) => countedJob(id));
