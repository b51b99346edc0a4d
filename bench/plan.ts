/** How much each measure does. Durations are in seconds here. */
export interface Plan {
  readonly drain: {
    readonly rounds: number;
    readonly events: number;
    /** For the drain that shows the warm-up. */
    readonly coldEvents: number;
    /** Fewer, for systems that would take too long. */
    readonly fewer: Readonly<Record<string, number>>;
  };
  readonly send: { readonly rounds: number; readonly seconds: number };
  readonly latency: { readonly rounds: number; readonly warmUp: number; readonly events: number };
  readonly hop: { readonly rounds: number; readonly warmUp: number; readonly events: number };
  readonly endToEnd: { readonly warmUp: number; readonly seconds: number };
  readonly fanOut: {
    readonly sends: number;
    /** In how many processes the members are. */
    readonly processes: readonly number[];
  };
  readonly sockets: {
    readonly warmUp: number;
    readonly sends: number;
    /** In how many server processes the sockets are. */
    readonly processes: readonly number[];
  };
  readonly echo: { readonly rounds: number; readonly warmUp: number; readonly seconds: number };
  readonly http: { readonly rounds: number; readonly warmUp: number; readonly seconds: number };
  readonly idleSockets: {
    readonly warmUp: number;
    readonly count: number;
    /** Fewer, for systems that would take too long. */
    readonly fewer: Readonly<Record<string, number>>;
  };
  readonly growth: {
    readonly rounds: number;
    /** How many events the drains take, where nothing else is said. */
    readonly events: number;
    readonly latencyEvents: number;
    readonly channels: readonly number[];
    /** Sizes of a message, in bytes. */
    readonly sizes: readonly number[];
    readonly backlogs: readonly number[];
  };
  readonly startUp: { readonly rounds: number };
  readonly memory: { readonly warmUp: number; readonly events: number };
}

/** The whole bench: about twenty minutes. */
export const FULL: Plan = {
  drain: {
    rounds: 5,
    events: 400_000,
    coldEvents: 50_000,
    fewer: { channels: 10_000, bullmq: 40_000, bullmq100: 100_000 },
  },
  send: { rounds: 9, seconds: 1 },
  latency: { rounds: 5, warmUp: 300, events: 1_000 },
  hop: { rounds: 3, warmUp: 500, events: 5_000 },
  endToEnd: { warmUp: 2, seconds: 20 },
  fanOut: { sends: 20, processes: [1, 10] },
  sockets: { warmUp: 20, sends: 20, processes: [1, 4] },
  echo: { rounds: 3, warmUp: 0.5, seconds: 1 },
  http: { rounds: 5, warmUp: 1, seconds: 1 },
  idleSockets: { warmUp: 500, count: 10_000, fewer: { channels: 2_000 } },
  growth: {
    rounds: 2,
    events: 50_000,
    latencyEvents: 500,
    channels: [1, 10, 100],
    sizes: [100, 10_000, 1_000_000],
    backlogs: [1_000, 100_000, 1_000_000],
  },
  startUp: { rounds: 10 },
  memory: { warmUp: 100_000, events: 1_000_000 },
};

/** Each measure in short: about a minute in all. */
export const QUICK: Plan = {
  drain: {
    rounds: 1,
    events: 50_000,
    coldEvents: 10_000,
    fewer: { channels: 1_000, bullmq: 4_000, bullmq100: 10_000 },
  },
  send: { rounds: 1, seconds: 0.15 },
  latency: { rounds: 1, warmUp: 50, events: 100 },
  hop: { rounds: 1, warmUp: 300, events: 2_000 },
  endToEnd: { warmUp: 0.2, seconds: 1 },
  fanOut: { sends: 2, processes: [1, 2] },
  sockets: { warmUp: 1, sends: 2, processes: [1] },
  echo: { rounds: 1, warmUp: 0.1, seconds: 0.2 },
  http: { rounds: 1, warmUp: 0.2, seconds: 0.2 },
  idleSockets: { warmUp: 50, count: 500, fewer: {} },
  growth: {
    rounds: 1,
    events: 10_000,
    latencyEvents: 50,
    channels: [10],
    sizes: [],
    backlogs: [],
  },
  startUp: { rounds: 1 },
  memory: { warmUp: 20_000, events: 50_000 },
};
