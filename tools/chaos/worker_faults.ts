import { type Fault, HELD, pass, span, type Stage } from "./fault.ts";

/** What may happen to workers and senders, whatever the layer is. */
export const WORKER_FAULTS: readonly Fault<Stage>[] = [
  {
    name: "worker: SIGTERM",
    section: "`SIGTERM`",
    act: ({ cast }, random) => cast.replace(random.between(0, cast.size - 1), ["SIGTERM"], [0]),
  },
  {
    name: "worker: SIGINT",
    section: "`SIGINT`",
    act: ({ cast }, random) => cast.replace(random.between(0, cast.size - 1), ["SIGINT"], [0]),
  },
  {
    // It may be done before the second one comes.
    name: "worker: two signals",
    section: "Two signals, more than a second apart",
    mayLose: () => HELD,
    act: ({ cast }, random) =>
      cast.replace(random.between(0, cast.size - 1), ["SIGTERM", "SIGTERM"], [0, 1]),
  },
  {
    name: "worker: SIGKILL",
    section: "`SIGKILL`",
    mayLose: () => HELD,
    act: ({ cast }, random) => cast.replace(random.between(0, cast.size - 1), ["SIGKILL"], [137]),
  },
  {
    // Longer than an event may wait: what it holds is too old then. In the middle of a write, it also
    // holds the lock of a file.
    name: "worker: frozen",
    section: "The worker is frozen (`SIGSTOP`) for longer than `expiry`",
    mayLose: (stage) => span(stage, 0, HELD),
    act: async (stage, random) => {
      const worker = random.between(0, stage.cast.size - 1);
      const isFrozen = stage.cast.freeze(worker, span(stage, 600, 12_000));
      await pass(span(stage, 300, 6_000));
      const isBlocked = stage.isBlocked?.() ?? false;
      await isFrozen;
      return isBlocked;
    },
  },
  {
    // A handler that computes for a long time; no event gets too old by it.
    name: "worker: its event loop is blocked",
    section: "A handler blocks the event loop for up to 60 s",
    act: (stage, random) => {
      const worker = random.between(0, stage.cast.size - 1);
      return stage.cast.block(worker, span(stage, 600, 6_000));
    },
  },
  {
    name: "workers: all replaced at once",
    section: "`SIGTERM`",
    isBlackout: true,
    act: async ({ cast }) => {
      await cast.stopWorkers();
      await cast.startWorkers();
    },
  },
  {
    name: "workers: none for longer than the expiry",
    section: "No worker for longer than `expiry`",
    isBlackout: true,
    act: async ({ cast, expiry }) => {
      await cast.stopWorkers();
      await pass(expiry + 200);
      await cast.startWorkers();
    },
  },
  {
    name: "sender: SIGKILL",
    section: "A sender is killed",
    act: ({ cast }) => cast.replaceSender(0),
  },
  {
    name: "senders: ten times too fast",
    section: "A sender is ten times too fast",
    act: async ({ cast }) => {
      await cast.flood();
      await pass(1_000);
    },
  },
];
