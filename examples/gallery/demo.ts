/**
 * The gallery in one command, `deno task demo:web [PORT...]`: starts two servers and two workers, and
 * stops them on Ctrl-C.
 *
 * @module
 */
import { createInterface } from "node:readline";
import { Readable } from "node:stream";

const [CLI = "", SITE = ""] = ["../../cli.ts", "./site.ts"].map((path) =>
  import.meta.resolve(path)
);

if (import.meta.main) {
  const ports = Deno.args.length > 0 ? Deno.args : ["8000", "8001"];
  const processes = [
    ...ports.map((port) =>
      start(`server ${port}`, "serve", "--hostname", "127.0.0.1", "--port", port)
    ),
    ...[1, 2].map((number) => start(`worker ${number}`, "runworker", "gallery-thumbnails")),
  ];
  const stop = () => processes.forEach((process) => process.stop());
  Deno.addSignalListener("SIGINT", stop);
  Deno.addSignalListener("SIGTERM", stop);
  Promise.all(processes.map(({ listening }) => listening)).then(() => {
    const urls = ports.map((port) => `http://localhost:${port}`).join(" and ");
    console.log(`Open ${urls}, and drop pictures on one of the pages. Ctrl-C stops the demo.`);
  }, stop);
  const codes = await Promise.all(processes.map(({ ended }) => ended));
  Deno.exit(codes.every((code) => code === 0) ? 0 : 1);
}

/** Starts a process, and prints its log. */
function start(name: string, ...args: readonly string[]) {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", CLI, ...args, "--app", SITE],
    stdin: "null",
    stderr: "piped",
  }).spawn();
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>();
  createInterface({ input: Readable.fromWeb(process.stderr) }).on("line", (line) => {
    console.log(`${name} | ${line}`);
    if (line.includes("Listening")) resolve();
  });
  let hasEnded = false;
  const ended = process.status.then(({ code }) => {
    hasEnded = true;
    reject(new Error(`${name} exited with ${code}`));
    return code;
  });
  return { listening, ended, stop: () => hasEnded || process.kill("SIGTERM") };
}
