/**
 * The application of the chaos run: it writes down each event before anything else, and then
 * behaves as the event's type says. CHAOS_JOURNAL names its file.
 *
 * `CHAOS_PLANT` makes it lie, to see that the balance sheet finds out: `lose:ID`, `repeat:ID`
 * or `exit:ID`, or several of them with commas.
 *
 * On SIGUSR2 it computes for as many milliseconds as are written in the file that CHAOS_BLOCK names.
 *
 * @module
 */
import {
  type Application,
  AsyncConsumer,
  type ChannelScope,
  ProtocolTypeRouter,
  StopConsumer,
} from "@asgi/channels";
import { Journal } from "./journal.ts";

interface ChaosEvent {
  readonly type: string;
  readonly id: string;
}

/** How long `burn` takes, in milliseconds. */
const BURNING = Number(Deno.env.get("CHAOS_BURN") ?? 60);

const journal = new Journal(Deno.env.get("CHAOS_JOURNAL") ?? "handled.txt");
const lies = new Map(
  (Deno.env.get("CHAOS_PLANT") ?? "").split(",").map((lie) => {
    const [kind = "", id = ""] = lie.split(":");
    return [id, kind];
  }),
);

function note({ id }: ChaosEvent): void {
  const lie = lies.get(id);
  if (lie === "exit") Deno.exit(7);
  const times = lie === "lose" ? 0 : lie === "repeat" ? 2 : 1;
  for (let time = 0; time < times; time++) journal.write("handled", id, Date.now());
}

class ChaosConsumer extends AsyncConsumer {
  async work(event: ChaosEvent): Promise<void> {
    note(event);
    await pause(1);
  }

  async steady(event: ChaosEvent): Promise<void> {
    note(event);
    await pause(10);
  }

  fail(event: ChaosEvent): void {
    note(event);
    throw new Error(`failed on purpose at ${event.id}`);
  }

  /** Leaves something behind that fails later. */
  stray(event: ChaosEvent): void {
    note(event);
    pause(5).then(() => Promise.reject(new Error(`strayed on purpose at ${event.id}`)));
  }

  async hang(event: ChaosEvent): Promise<void> {
    note(event);
    await pause(200);
  }

  oddly(event: ChaosEvent): void {
    note(event);
    throw undefined;
  }

  stop(event: ChaosEvent): void {
    note(event);
    throw new StopConsumer();
  }

  async forever(event: ChaosEvent): Promise<void> {
    note(event);
    await new Promise(() => {});
  }

  /** Leaves no file descriptor to others for a while. */
  async files(event: ChaosEvent): Promise<void> {
    note(event);
    const files: Deno.FsFile[] = [];
    try {
      for (;;) files.push(Deno.openSync("/dev/null"));
    } catch {
      await pause(1_000);
    }
    for (const file of files) file.close();
  }

  /** Has the event loop for itself. */
  burn(event: ChaosEvent): void {
    note(event);
    compute(BURNING);
  }
}

function compute(milliseconds: number): void {
  for (const end = performance.now() + milliseconds; performance.now() < end;);
}

const blockFile = Deno.env.get("CHAOS_BLOCK");
if (blockFile) {
  Deno.addSignalListener("SIGUSR2", () => compute(Number(Deno.readTextFileSync(blockFile))));
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

class UnbuildableConsumer extends AsyncConsumer {
  constructor() {
    super();
    throw new Error("no paper");
  }
}

/** Other applications, by CHAOS_APP. */
const APPLICATIONS = new Map<string | undefined, Application<ChannelScope>>([
  ["returning", () => Promise.resolve()],
  ["unbuildable", UnbuildableConsumer.asAsgi()],
]);

/** Handles every channel alike. */
export const application = ProtocolTypeRouter({
  channel: APPLICATIONS.get(Deno.env.get("CHAOS_APP")) ?? ChaosConsumer.asAsgi(),
});
