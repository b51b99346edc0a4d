import { assertEquals, assertMatch } from "@std/assert";
import { startCommand } from "./helpers/program.ts";

const ROOT = new URL("..", import.meta.url).pathname;

/** Runs a task, and returns the lines that it has printed. */
async function runDemo(task = "demo"): Promise<string[]> {
  await using program = startCommand([Deno.execPath(), "task", "--quiet", task], { cwd: ROOT });
  assertEquals(await program.end, 0, program.stderr.all.join("\n"));
  return [...program.stdout.all];
}

Deno.test("deno task demo creates thumbnails of all pictures, twice", async () => {
  for (const _run of ["first", "second"]) {
    const lines = await runDemo();
    const made = lines.filter((line) => /^ +\d\/6 /.test(line));
    assertEquals(made.length, 6, lines.join("\n"));
    for (const line of made) {
      assertMatch(
        line,
        /pictures\/\d+\.(jpg|png) -> .*thumbnails\/\d+\.webp +[\d.]+ KB -> +[\d.]+ KB +[\d.]+ ms$/,
      );
    }
    assertEquals(lines.at(-1), "The worker exited with 0");
  }
  for (const id of [123456789, 123456792]) {
    const bytes = await Deno.readFile(`${ROOT}examples/thumbnails/thumbnails/${id}.webp`);
    assertEquals(new TextDecoder().decode(bytes.subarray(8, 12)), "WEBP");
  }
});

Deno.test("deno task demo:threads finds the colors of all pictures on threads", async () => {
  const lines = await runDemo("demo:threads");
  const color = " #[0-9a-f]{6}";
  const found = lines.filter((line) => new RegExp(`^ +\\d/6 .*(${color}){6} +\\d+ ms$`).test(line));
  assertEquals(found.length, 6, lines.join("\n"));
  assertEquals(lines.at(-1), "The worker exited with 0");
});
