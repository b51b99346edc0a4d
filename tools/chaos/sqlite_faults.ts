import { DatabaseSync } from "node:sqlite";
import { CAPACITY, CHANNELS, type Fault, pass, span, type Stage } from "./fault.ts";
import { removeIfPresent } from "../../tests/helpers/temporary.ts";

/** What a fault of SQLite may touch. */
export interface SqliteStage extends Stage {
  readonly path: string;
}

/** Nothing can be written, so nothing can be taken either. */
export const DISK_FULL: Fault<SqliteStage> = {
  name: "SQLite: the disk is full",
  section: "The disk is full",
  isBlackout: true,
  act: async (stage) => {
    const filler = `${stage.path}.filler`;
    using file = await Deno.open(filler, { create: true, append: true });
    await fill(file);
    emptyJournal(stage.path); // Else what is written next would still fit in there.
    for (const end = performance.now() + span(stage, 700, 4_000); performance.now() < end;) {
      await fill(file);
      await pass(20);
    }
    await Deno.remove(filler);
  },
};

/** What may happen to a SQLite file. */
export const SQLITE_FAULTS: readonly Fault<SqliteStage>[] = [
  DISK_FULL,
  {
    name: "SQLite: locked",
    section: "The file is locked for 10 s",
    isBlackout: true,
    act: async (stage) => {
      using database = await lock(stage.path);
      await pass(span(stage, 700, 10_000));
      database.exec("ROLLBACK");
    },
  },
  {
    name: "SQLite: a reader that holds its snapshot",
    section: "A reader holds its snapshot",
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
    section: "The file, its `-wal` or its `-shm` is deleted",
    mayLose: () => CAPACITY * CHANNELS.length + 500,
    act: async ({ path }, random) => {
      const endings = random.pick([[""], ["-wal"], ["-shm"], ["", "-wal", "-shm"]]);
      for (const ending of endings) await removeIfPresent(path + ending);
      await pass(700);
    },
  },
  {
    name: "SQLite: its journal is emptied",
    section: "The `-wal` is emptied by a checkpoint",
    act: ({ path }) => {
      emptyJournal(path);
      return Promise.resolve();
    },
  },
];

/** Has what is in the journal written to the file; where the disk is full, what fits. */
function emptyJournal(path: string): void {
  using database = new DatabaseSync(path, { timeout: 1_000 });
  try {
    database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  } catch (error) {
    if (!/disk is full/.test(String(error))) throw error;
  }
}

/** Writes to a file until the disk takes no more. */
async function fill(file: Deno.FsFile): Promise<void> {
  const bytes = new Uint8Array(65_536);
  for (let length = bytes.length; length >= 512;) {
    const isWritten = await file.write(bytes.subarray(0, length)).then(() => true, () => false);
    if (!isWritten) length /= 2;
  }
}

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
