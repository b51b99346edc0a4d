import { assertEquals } from "@std/assert";
import { startFakeServer } from "../helpers/network.ts";
import { FIXTURE_APP, startProgram } from "../helpers/program.ts";

const PASSWORD = "Hidden%Pazz/w0rds?#: é";

/** The parts of the password that may nowhere be seen, whichever way it is escaped. */
const PARTS = ["Hidden", "Pazz", "w0rds", encodeURIComponent(PASSWORD)];

/** A server that repeats what it is sent, as one that is no Redis may do. */
function startEcho() {
  return startFakeServer((chunk) => `-ERR what is ${chunk.replaceAll("\r\n", " ")}?\r\n`);
}

function assertHidden(lines: readonly string[]): void {
  const text = lines.join("\n");
  assertEquals(PARTS.filter((part) => text.includes(part)), [], text);
}

for (const scheme of ["redis", "redis+sentinel", "redis+cluster"]) {
  for (const format of ["text", "json"]) {
    Deno.test(`runworker -v --log-format ${format} prints no password of ${scheme}://`, async () => {
      await using server = await startEcho();
      const url = `${scheme}://ann:${encodeURIComponent(PASSWORD)}@${server.at}/`;
      const address = scheme === "redis+sentinel" ? `${url}master` : url;
      const args = ["runworker", "a", "--app", FIXTURE_APP, "-v", "--log-format", format];
      await using worker = startProgram(args, { env: { CHANNEL_LAYER_URL: address } });
      // A Sentinel URL has no password for the Sentinels; the others echo what is sent.
      await worker.stderr.until(scheme === "redis+sentinel" ? "Sentinel" : "omitted");
      worker.kill("SIGTERM");
      await worker.end;
      assertHidden([...worker.stdout.all, ...worker.stderr.all]);
    });
  }
}

for (const command of [["check"], ["check", "--json"], ["send", "a", '{"type":"x"}']]) {
  Deno.test(`${command.join(" ")} shows no password, wherever it comes from`, async () => {
    await using server = await startEcho();
    const right = `redis://ann:${encodeURIComponent(PASSWORD)}@${server.at}`;
    const wrong = `redis://ann:${PASSWORD}@${server.at}`;
    for (const url of [right, wrong]) {
      await using named = startProgram([...command, "--layer", url]);
      await using found = startProgram(command, { env: { CHANNEL_LAYER_URL: url } });
      const code = url === right ? 1 : 2;
      assertEquals([await named.end, await found.end], [code, code]);
      for (const { stdout, stderr } of [named, found]) {
        assertHidden([...stdout.all, ...stderr.all]);
        assertEquals(stderr.all.length, 1, stderr.all.join("\n"));
      }
    }
  });
}
