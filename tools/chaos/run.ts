import { configureChannelLayers, getChannelLayer, LayerUnavailableError } from "@asgi/channels";
import { temporaryFolder } from "../../tests/helpers/temporary.ts";
import { Cast } from "./cast.ts";
import { CAPACITY, CHANNELS, type Fault, pass, schedule, span, type Stage } from "./fault.ts";
import { readHandled, readSent } from "./journal.ts";
import { Random } from "./random.ts";
import { REDIS_FAULTS, type RedisStage } from "./redis_faults.ts";
import { RedisPlace } from "./redis_stage.ts";
import { balance, GRACE, type Incident, REACH, type Sheet } from "./sheet.ts";
import { DISK_FULL, isLocked, SQLITE_FAULTS, type SqliteStage } from "./sqlite_faults.ts";
import { WORKER_FAULTS } from "./worker_faults.ts";
import { smallDisk } from "../../tests/helpers/small_disk.ts";

/** What to run. */
export interface RunOptions {
  readonly seconds: number;
  readonly seed: number;
  /** A lie that the application tells, to see that it is found out: see `app.ts`. */
  readonly plant: string;
  /** Which faults happen: a regular expression that finds their names. */
  readonly only: string;
  /** Told of each fault when it begins. */
  readonly onFault: (name: string) => void;
}

/** How a run ended. */
export interface Result {
  readonly sheet: Sheet;
  /** What happened that was not planned: processes that ended by themselves. */
  readonly accidents: readonly string[];
}

/** The size in megabytes of a disk that can be filled: what is sent in a flood fits. */
const DISK_SIZE = 64;

const WORKERS = 3;
const SENDERS = 2;

/** From so many seconds on, faults last as long as they do out there. */
const LONG = 120;

/** The rest after a fault in a run that isn't brief: no event can be put to two accounts. */
const ACCOUNTING = REACH + GRACE;

/** How long nothing goes wrong at the beginning and at the end, in milliseconds. */
const CALM = 500;

/** Runs workers and senders over a Redis to which things happen. */
export async function runOnRedis(options: RunOptions): Promise<Result> {
  await using folder = await temporaryFolder();
  await using redis = new RedisPlace(folder.path);
  const { isBrief, expiry } = timesOf(options);
  // The first worker and the first sender are behind a bad network.
  const query = `?expiry=${expiry}&capacity=${CAPACITY}`;
  const urlFor = (number: number) => (number === 0 ? redis.proxy.url : redis.url) + query;
  await using cast = castFor(options, folder.path, urlFor);
  const stage: RedisStage = { cast, expiry, isBrief, url: redis.url + query, redis };
  const opening: Fault<RedisStage> = {
    name: "Redis: not there yet",
    section: "Redis is unreachable at startup",
    isBlackout: true,
    act: async () => {
      cast.start();
      await pass(span(stage, 1_500, 5_000));
      await redis.start();
      await cast.listening();
    },
  };
  return await run(stage, options, opening, [...REDIS_FAULTS, ...WORKER_FAULTS]);
}

/** Runs workers and senders over a SQLite file to which things happen. */
export async function runOnSqlite(options: RunOptions): Promise<Result> {
  await using folder = await temporaryFolder();
  using disk = smallDisk(`${folder.path}/disk`, DISK_SIZE);
  const { isBrief, expiry } = timesOf(options);
  const path = `${disk.path}/channels.sqlite3`;
  const url = `sqlite:${path}?expiry=${expiry}&capacity=${CAPACITY}`;
  await using cast = castFor(options, folder.path, () => url);
  const isBlocked = () => isLocked(path);
  const stage: SqliteStage = { cast, expiry, isBrief, url, path, isBlocked };
  const faults = SQLITE_FAULTS.filter((fault) => fault !== DISK_FULL || disk.isSmall);
  if (faults.length < SQLITE_FAULTS.length) options.onFault(`NOT TRIED: ${DISK_FULL.name}`);
  const opening: Fault<SqliteStage> = {
    name: "SQLite: the file is made by all at once",
    section: "A process is killed during a write",
    act: async () => {
      cast.start();
      await cast.listening();
    },
  };
  return await run(stage, options, opening, [...faults, ...WORKER_FAULTS]);
}

function timesOf({ seconds }: RunOptions): { readonly isBrief: boolean; readonly expiry: number } {
  const isBrief = seconds < LONG;
  return { isBrief, expiry: isBrief ? 3_000 : 10_000 };
}

function castFor({ plant, seed }: RunOptions, folder: string, urlFor: (n: number) => string): Cast {
  return new Cast({ folder, urlFor, workers: WORKERS, senders: SENDERS, seed, plant });
}

/** Has one fault after the other happen until the time is up, and draws the balance. */
async function run<S extends Stage>(
  stage: S,
  { seed, seconds, only, onFault }: RunOptions,
  opening: Fault<S>,
  faults: readonly Fault<S>[],
): Promise<Result> {
  const incidents: Incident[] = [];
  const random = new Random(seed);
  const happen = async (fault: Fault<S>) => {
    onFault(fault.name);
    const backlog = await oldestAge(stage.url);
    const from = Date.now();
    const wasBlackout = await fault.act(stage, random);
    const { name, mayLose = () => 0, isBlackout = wasBlackout === true } = fault;
    const to = Date.now();
    incidents.push({ kind: name, from, to, mayLose: mayLose(stage), isBlackout, backlog });
  };
  const deadline = Date.now() + seconds * 1_000;
  await happen(opening);
  await pass(CALM);
  const chosen = faults.filter(({ name }) => new RegExp(only).test(name));
  for (const fault of schedule(chosen, random)) {
    if (Date.now() > deadline - CALM) break;
    await happen(fault);
    await pass(stage.isBrief ? random.between(250, 500) : ACCOUNTING);
  }
  await pass(CALM);
  return await end(stage, incidents);
}

/** Returns how long the oldest event has waited, in milliseconds; 0 if the layer can't be reached. */
async function oldestAge(url: string): Promise<number> {
  configureChannelLayers({ watched: url });
  await using layer = getChannelLayer("watched");
  try {
    const { channels } = await layer.inspect(CHANNELS);
    return Math.max(...channels.map(({ oldestAge = 0 }) => oldestAge));
  } catch (error) {
    if (error instanceof LayerUnavailableError) return 0;
    throw error;
  }
}

async function end({ cast, expiry }: Stage, incidents: readonly Incident[]): Promise<Result> {
  await cast.stopSenders();
  const from = Date.now();
  await cast.stopWorkers();
  // On a busy machine, what is left may expire before a worker has started that handles it.
  const to = await cast.drain();
  const end = { kind: "the end of the run", from, to, mayLose: 0, isBlackout: true };
  const sheet = balance({
    sent: cast.sentJournals.flatMap(readSent),
    handled: cast.handledJournals.flatMap(readHandled),
    incidents: [...incidents, end],
    expiry,
  });
  return { sheet, accidents: cast.accidents };
}
