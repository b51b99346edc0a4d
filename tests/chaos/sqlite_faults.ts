import { DatabaseSync } from "node:sqlite";
import { CAPACITY, CHANNELS, type Fault, pass, span, type Stage } from "./fault.ts";

/** What a fault of SQLite may touch. */
export interface SqliteStage extends Stage {
  readonly path: string;
}

/** What may happen to a SQLite file. */
export const SQLITE_FAULTS: readonly Fault<SqliteStage>[] = [
  {
    name: "SQLite: locked",
    isBlackout: true,
    act: async (stage) => {
      using database = await lock(stage.path);
      await pass(span(stage, 700, 10_000));
      database.exec("ROLLBACK");
    },
  },
  {
    name: "SQLite: a reader that holds its snapshot",
    act: async (stage) => {
      using database = new DatabaseSync(stage.path, { timeout: 1_000 });
      database.exec("BEGIN");
      database.prepare("SELECT count(*) FROM messages").get();
      await pass(span(stage, 500, 3_000));
      database.exec("ROLLBACK");
    },
  },
  {
    // Until it is seen, which takes up to half a second, events go into what is gone.
    name: "SQLite: a file of it deleted",
    mayLose: () => CAPACITY * CHANNELS + 500,
    act: async ({ path }, random) => {
      const endings = random.pick([[""], ["-wal"], ["-shm"], ["", "-wal", "-shm"]]);
      for (const ending of endings) await Deno.remove(path + ending);
      await pass(700);
    },
  },
  {
    name: "SQLite: its journal is emptied",
    act: ({ path }) => {
      using database = new DatabaseSync(path, { timeout: 1_000 });
      database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
      return Promise.resolve();
    },
  },
];

/** Takes the lock of those who write, and keeps it. */
async function lock(path: string): Promise<DatabaseSync> {
  const database = new DatabaseSync(path, { timeout: 100 });
  for (;;) {
    try {
      database.exec("BEGIN IMMEDIATE");
      return database;
    } catch {
      await pass(5);
    }
  }
}

/** Whether somebody has taken that lock, and doesn't give it back. */
export function isLocked(path: string): boolean {
  using database = new DatabaseSync(path, { timeout: 200 });
  try {
    database.exec("BEGIN IMMEDIATE");
    database.exec("ROLLBACK");
    return false;
  } catch {
    return true;
  }
}
