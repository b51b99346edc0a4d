import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { main } from "../../src/cli/main.ts";
import { temporaryFolder } from "../helpers/temporary.ts";

interface Outcome {
  readonly code: number;
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
}

/** Runs a command line in this process. */
async function runMain(...args: readonly string[]): Promise<Outcome> {
  const stdout: string[] = [];
  const stderr: string[] = [];
  const { signal } = new AbortController();
  const code = await main(args, {
    print: (line) => stdout.push(line),
    printError: (line) => stderr.push(line),
    lines: async function* () {},
    stop: signal,
    kill: signal,
  });
  return { code, stdout, stderr };
}

/** Invalid command lines, and a part of the one-line error. */
const MISTAKES: readonly (readonly [args: readonly string[], answer: string])[] = [
  [[], "missing command: known are runworker, serve, send, check"],
  [["work"], "unknown command work: known are runworker, serve, send, check; see --help"],
  [["--x=junk"], "unknown option --x: known are -h/--help, -V/--version"],
  [["--layer", "x"], "unknown option --layer: known are -h/--help, -V/--version"],
  [["runworker"], "runworker needs the name of a channel"],
  [["runworker", "a", "--_"], "unknown option --_: known are --app"],
  [["runworker", "a", "--_=b"], "unknown option --_: known are --app"],
  [["runworker", "a", "--x=junk"], "unknown option --x: known are --app, --layer"],
  [["runworker", "a", "--app.x=junk"], "unknown option --app.x: known are"],
  [["runworker", "a", "--constructor"], "unknown option --constructor: known are"],
  [["runworker", "a", "---burst"], "unknown option ---burst"],
  [["runworker", "a", "--=x"], "unknown option --"],
  [["runworker", "a", "--no-burst"], "unknown option --no-burst"],
  [["runworker", "a", "--burst=nope"], "--burst takes no value"],
  [["runworker", "a", "--burst=true"], "--burst takes no value"],
  [["runworker", "a", "--burst", "true"], "--burst takes no value"],
  [["runworker", "a", "-q", "false"], "--quiet takes no value"],
  [["runworker", "a", "-qc2"], "-qc2 must be split into separate options: known are"],
  [["runworker", "a", "-qc=2"], "-qc=2 must be split into separate options"],
  [["runworker", "a", "-cq"], "-cq must be split into separate options"],
  [["runworker", "a", "-q2"], "-q2 must be split into separate options"],
  [["runworker", "a", "-qx"], "unknown option -x: known are"],
  [["runworker", "a", "-c"], "-c/--concurrency needs a value"],
  [["runworker", "a", "-c="], "-c/--concurrency needs a value"],
  [["runworker", "a", "--layer="], "--layer needs a value"],
  [["runworker", "a", "--layer", "--burst"], "--layer needs a value"],
  [["runworker", "a", "-q", "-v"], "--quiet and --verbose cannot be combined"],
  [["runworker", "redis://ann:pw@h"], "URL of a layer instead of a channel name: use --layer"],
  [["runworker", "a", "--nonsense"], "unknown option --nonsense: known are --app, --layer"],
  [["runworker", "a", "-x"], "unknown option -x"],
  [["runworker", "a", "--app"], "--app needs a value"],
  [["runworker", "a", "--app", "./none.ts"], "module not found: ./none.ts"],
  [["runworker", "a", "--concurrency", "0"], "--concurrency must be a positive integer, got 0"],
  [["runworker", "a", "-c", "two"], "--concurrency must be a positive integer, got two"],
  [["runworker", "a", "-c1.5"], "--concurrency must be a positive integer, got 1.5"],
  [
    ["runworker", "a", "--shutdown-timeout=-1"],
    "--shutdown-timeout must be a number of seconds from 0 to 1000000, got -1",
  ],
  [["runworker", "a", "--log-format", "xml"], "--log-format must be text or json, got xml"],
  [["runworker", "a b"], 'Channel name "a b" is not valid: only ASCII letters'],
  [["runworker", "a!b"], "a!b is a process-local channel"],
  [["runworker", "a", "--layer", "memory:"], "the memory layer works within one process only"],
  [["runworker", "a", "--layer", "foo://x"], 'unknown scheme "foo": known are memory, sqlite'],
  [["runworker", "a", "--layer", "other"], 'No channel layer has the alias "other"'],
  [["runworker", "a", "--layer", "sqlite:x?capacity=0"], "Capacity must be a positive integer: 0"],
  [["serve", "site.ts"], "unexpected argument site.ts: use --app to name the app"],
  [["serve", "--", "a"], "unexpected argument a"],
  [["serve", "--work", "a", "--", "b"], "unexpected argument b"],
  [["serve", "-q", "a", "--work", "b"], "unexpected argument a"],
  [["serve", "--burst"], "unknown option --burst: known are --app, --layer, --hostname"],
  [["serve", "-q", "-v"], "--quiet and --verbose cannot be combined"],
  [["serve", "--port", "65536"], "--port must be a port from 0 to 65535, got 65536"],
  [["serve", "--port", "http"], "--port must be a port from 0 to 65535, got http"],
  [["serve", "--port", "80.5"], "--port must be a port from 0 to 65535, got 80.5"],
  [["serve", "--hostname="], "--hostname needs a value"],
  [["serve", "--work"], "--work needs a value"],
  [["serve", "--work", "a", "--work"], "--work needs a value"],
  [["serve", "--work", "--port", "1"], "--work needs a value"],
  [["serve", "--work", "a", "b c"], 'Channel name "b c" is not valid'],
  [["serve", "--work", "a", "--work=b!c"], "b!c is a process-local channel"],
  [["serve", "--work", "redis://ann:pw@h"], "URL of a layer instead of a channel name"],
  [["serve", "-c", "2"], "--concurrency is for the worker: use --work to name its channels"],
  [["serve", "--work", "a", "-c", "0"], "--concurrency must be a positive integer, got 0"],
  [
    ["serve", "--root-path", "app"],
    "--root-path must start with a slash and not end with one, got app",
  ],
  [["serve", "--root-path", "/"], "--root-path must start with a slash and not end with one"],
  [
    ["serve", "--allowed-origins", "https://one.example", "two.example"],
    '--allowed-origins must be "*" or origins such as https://example.com, got two.example',
  ],
  [["serve", "--allowed-origins", "*", "two.example"], '--allowed-origins must be "*" or origins'],
  [["serve", "--app", "./none.ts"], "module not found: ./none.ts"],
  [["serve", "--layer", "foo://x"], 'unknown scheme "foo": known are memory, sqlite'],
  [["serve", "--layer", "other"], 'No channel layer has the alias "other"'],
  [["send"], "send needs the name of a channel"],
  [["send", "a"], "send needs an event, or - for standard input"],
  [["send", "a", "{"], "EVENT is not valid JSON"],
  [["send", "a", "[]"], "EVENT must be an object"],
  [["send", "a", "null"], "EVENT must be an object"],
  [["send", "a", '{"id":1}'], 'EVENT needs a "type" that is a string'],
  [["send", "a", '{"type":1}'], 'EVENT needs a "type" that is a string'],
  [["send", "a b", '{"type":"x"}'], 'Channel name "a b" is not valid'],
  [["send", "a", '{"type":"x"}', "--app", "y"], "module not found: ./y"],
  [["send", "a", '{"type":"x"}', "--burst"], "unknown option --burst: known are --app, --layer"],
  [["send", "a", "redis://ann:pw@h"], "URL of a layer instead of EVENT: use --layer"],
  [["check", "a", "--burst"], "unknown option --burst: known are --app, --layer"],
  [["check", "a b"], 'Channel name "a b" is not valid'],
  [["check", "a", "--app", "./none.ts"], "module not found: ./none.ts"],
  [["check", "a", "--layer", "memory:"], "the memory layer works within one process only"],
  [
    ["send", "a", '{"type":"x"}', "--layer", "memory:"],
    "the memory layer works within one process only",
  ],
];

for (const [args, answer] of MISTAKES) {
  Deno.test(`main() answers "${args.join(" ")}" with one line and status 2`, async () => {
    const { code, stdout, stderr } = await runMain(...args);
    assertEquals(code, 2);
    assertEquals(stdout, []);
    assertEquals(stderr.length, 1, stderr.join("\n"));
    assertStringIncludes(stderr[0] ?? "", `error: `);
    assertStringIncludes(stderr[0] ?? "", answer);
  });
}

/** Apps that can't runMain, and a part of the error. */
const APPS: readonly (readonly [what: string, source: string, answer: RegExp])[] = [
  [
    "without an application",
    "export const other = 1;",
    /does not export an application: .*exports other$/,
  ],
  ["that exports nothing", "export {};", /does not export an application: .*exports nothing$/],
  [
    "whose application is a number",
    "export const application = 1;",
    /app\.ts exports application as a number: it must be a function/,
  ],
  [
    "whose application is undefined",
    "export const application = undefined;",
    /app\.ts exports application as undefined: it must be a function/,
  ],
  [
    "whose default export is a number",
    "export default 5;",
    /app\.ts exports default as a number: it must be a function/,
  ],
  [
    "whose default export is an object",
    "export default { fetch() {} };",
    /app\.ts exports default as an object: it must be a function/,
  ],
  [
    "whose default export answers requests itself",
    "export default { fetch() {} };",
    /it must be a function, .*; fromFetchHandler\(\) turns its fetch\(\) into one$/,
  ],
  [
    "whose application is a promise",
    "export const application = Promise.resolve(() => {});",
    /app\.ts exports application as a promise: await it/,
  ],
  [
    "whose application is a consumer's class",
    "export class Printer {} export const application = Printer;",
    /app\.ts exports application as the class Printer: export Printer\.asAsgi\(\)/,
  ],
  ["with a syntax error", "export const = 1;", /cannot be loaded: SyntaxError: .*app\.ts:1:14/],
  [
    "that throws",
    'throw new Error("one\\ntwo");',
    /cannot be loaded: Error: one \(.*app\.ts:1:7\)$/,
  ],
  ["that imports what isn't there", 'import "./gone.ts";', /cannot be loaded: .*gone\.ts/],
];

for (const [what, source, answer] of APPS) {
  Deno.test(`runworker answers an app ${what} with one line and status 2`, async () => {
    await using folder = await temporaryFolder();
    const app = `${folder.path}/app.ts`;
    await Deno.writeTextFile(app, source);
    const { code, stderr } = await runMain("runworker", "a", "--app", app);
    assertEquals(code, 2);
    assertEquals(stderr.length, 1, stderr.join("\n"));
    assertMatch(stderr[0] ?? "", answer);
  });
}

for (
  const args of [[], ["runworker"], ["serve"], ["send"], ["check"]].flatMap((
    words,
  ) => [[...words, "--help"], [...words, "-h"]])
) {
  Deno.test(`main() prints the help of "${args.join(" ")}" to standard output`, async () => {
    const { code, stdout, stderr } = await runMain(...args);
    assertEquals({ code, stderr }, { code: 0, stderr: [] });
    assertStringIncludes(stdout.join("\n"), "Usage: ");
  });
}

for (const args of [[], ["runworker"], ["serve"], ["send"], ["check"]]) {
  Deno.test(`main() prints the version for "${args.join(" ")} --version"`, async () => {
    for (const option of ["--version", "-V"]) {
      const { code, stdout, stderr } = await runMain(...args, option);
      assertEquals({ code, stderr }, { code: 0, stderr: [] });
      assertMatch(stdout.join("\n"), /^@asgi\/channels \d+\.\d+\.\d+$/);
    }
  });
}

Deno.test("main() accepts combined short options", async () => {
  const { code, stdout } = await runMain("send", "-qh");
  assertEquals(code, 0);
  assertStringIncludes(stdout.join("\n"), "Usage: send");
});

Deno.test("main() quotes no URL with a password, wherever it occurs", async () => {
  const url = "redis://ann:hidden@127.0.0.1:1";
  const lines = [
    [url],
    [`--layer=${url}`],
    ["runworker", url],
    ["runworker", "a", `--layr=${url}`],
    ["runworker", "a", "--concurrency", url],
    ["runworker", "a", "--shutdown-timeout", url],
    ["runworker", "a", "--log-format", url],
    ["runworker", "a", "--app", url],
    ["runworker", "a", `-q=${url}`],
    ["runworker", "a", `--burst=${url}`],
    ["serve", url],
    ["serve", "--port", url],
    ["serve", "--work", url],
    ["serve", "--work", "a", url],
    ["serve", "--root-path", url],
    ["serve", "--allowed-origins", url],
    ["serve", "--hostname", url, "--layer", "memory:"],
    ["send", url, "x"],
    ["send", "a", url],
    ["send", "a", '{"type":"x"}', "--app", url],
    ["send", "a", '{"type":"x"}', "--layer", "redis//ann:hidden@h"],
    ["check", url],
    ["check", "--layer", "redis//ann:hidden@h"],
    ["check", "--layer", "redis://ann:hidden%@h"],
    ["check", "--layer", url.replace("hidden", "hid/hidden")],
    ["check", "--layer", url],
  ];
  for (const args of lines) {
    const { code, stdout, stderr } = await runMain(...args);
    const text = [...stdout, ...stderr].join("\n");
    assertEquals([text.includes("hidden"), code > 0], [false, true], `${args}: ${text}`);
  }
});

Deno.test("runworker exits with status 1 if waiting for the layer can't help", async () => {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/notes.txt`;
  await Deno.writeTextFile(
    file,
    "This is no database, and long enough to be seen as none. ".repeat(20),
  );
  const { code, stderr } = await runMain("runworker", "a", "--layer", `sqlite:${file}`);
  assertEquals(code, 1);
  assertStringIncludes(stderr.join("\n"), "the file is not a SQLite database");
});
