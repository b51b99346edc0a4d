import { type Program, type ProgramOptions, startProgram } from "./program.ts";
import { openSocket, type TestSocket } from "./server.ts";

/** The site of `tests/fixtures/site.ts`, as `--app` takes it. */
export const FIXTURE_SITE = new URL("../fixtures/site.ts", import.meta.url).href;

/** A server in a process of its own. */
export interface SiteProcess extends Program {
  /** Its address, such as `"127.0.0.1:8000"`. */
  readonly at: string;
}

/** Starts `serve` on a free port of 127.0.0.1, and waits until it listens; by default, with the fixture. */
export async function startSiteProcess(
  args: readonly string[] = [],
  options: ProgramOptions = {},
): Promise<SiteProcess> {
  const own = ["--app", FIXTURE_SITE, "--hostname", "127.0.0.1", "--port", "0"];
  const program = startProgram(["serve", ...own, ...args], options);
  try {
    const line = await program.stderr.until("Listening on http://");
    const [, at = ""] = /http:\/\/([^ ]+)/.exec(line) ?? [];
    return { ...program, at };
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw error;
  }
}

/** Requests a path, and returns the status and the text of the response. */
export async function fetchPath(site: SiteProcess, path: string): Promise<[number, string]> {
  const response = await fetch(`http://${site.at}${path}`);
  return [response.status, await response.text()];
}

/** Opens a WebSocket of a site. */
export async function connectSocket(site: SiteProcess): Promise<TestSocket> {
  return await openSocket(`ws://${site.at}/`);
}
