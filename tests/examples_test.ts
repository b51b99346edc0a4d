import { assertEquals, assertMatch } from "@std/assert";

const ROOT = new URL("..", import.meta.url).pathname;

/** Runs the demo as its task does, in a folder of its own, and gives what it printed. */
async function runDemo(task = "demo"): Promise<string[]> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", task],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim().split("\n");
}

Deno.test("deno task demo makes thumbnails of all pictures, twice", async () => {
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
