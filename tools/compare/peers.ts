/** A worker to compare: how to start it, and how it says that it is up. */
export interface Peer {
  readonly name: string;
  /** The command that runs a worker on the channel "a". */
  readonly command: (url: string) => { readonly args: readonly string[]; readonly cwd: string };
  readonly env: (url: string) => Readonly<Record<string, string>>;
  readonly says: string;
}

const CLI = new URL("../../cli.ts", import.meta.url).pathname;
const APP = new URL("../chaos/app.ts", import.meta.url).href;
const FOLDER = new URL("channels/", import.meta.url).pathname;

/** This library. */
export const LIBRARY: Peer = {
  name: "library",
  command: (url) => ({
    args: [
      Deno.execPath(),
      "run",
      "-A",
      "--quiet",
      CLI,
      "runworker",
      "a",
      "--app",
      APP,
      "--layer",
      url,
    ],
    cwd: ".",
  }),
  env: () => ({ CHAOS_BURN: "2000" }),
  says: "Listening on a",
};

/** Debian's Python has Channels; its worker is started as its users do. */
export const CHANNELS: Peer = {
  name: "Channels",
  command: () => ({ args: ["/usr/bin/python3", "-m", "django", "runworker", "a"], cwd: FOLDER }),
  env: (url) => ({
    CHAOS_URL: url,
    DJANGO_SETTINGS_MODULE: "chaos_settings",
    PYTHONDONTWRITEBYTECODE: "1",
  }),
  says: "Running worker for channels",
};
