import { assertEquals, assertStringIncludes } from "@std/assert";
import { startProgram } from "../helpers/program.ts";
import { remaining } from "../helpers/events.ts";
import { openSqliteLayer } from "../helpers/layers.ts";
import { until } from "../helpers/waiting.ts";

Deno.test("send sends the events of its arguments in their order", async () => {
  await using opened = await openSqliteLayer();
  const events = ['{"type":"a","id":1}', '{"type":"b","nested":{"list":[1,null]}}'];
  await using program = startProgram(["send", "letters", ...events, "--layer", opened.url]);
  assertEquals(await program.end, 0);
  assertEquals(program.stdout.all, []);
  assertEquals(program.stderr.all, [`Sent 2 events to letters (layer ${opened.url})`]);
  assertEquals(await remaining(opened.layer, "letters"), events.map((text) => JSON.parse(text)));
});

Deno.test("send reads one event a line from standard input for -", async () => {
  await using opened = await openSqliteLayer();
  const stdin = '{"type":"a"}\n\n  {"type":"b"}\n{"type":"c"}';
  const args = ["send", "letters", "-", "--quiet", "--layer", opened.url];
  await using program = startProgram(args, { stdin });
  assertEquals(await program.end, 0);
  assertEquals(program.stderr.all, []);
  const types = (await remaining(opened.layer, "letters")).map(({ type }) => type);
  assertEquals(types, ["a", "b", "c"]);
});

Deno.test("send names the line that is not an event, and has sent the lines before it", async () => {
  await using opened = await openSqliteLayer();
  const stdin = '{"type":"a"}\noops\n{"type":"c"}\n';
  await using program = startProgram(["send", "letters", "-", "--layer", opened.url], { stdin });
  assertEquals(await program.end, 2);
  assertStringIncludes(program.stderr.all.join("\n"), "error: line 2 is not valid JSON");
  assertEquals(await remaining(opened.layer, "letters"), [{ type: "a" }]);
});

Deno.test("send preserves integers beyond Number.MAX_SAFE_INTEGER", async () => {
  await using opened = await openSqliteLayer();
  const event = '{"type":"a","id":9007199254740993,"float":1e300}';
  await using program = startProgram(["send", "letters", event, "--layer", opened.url]);
  assertEquals(await program.end, 0);
  assertEquals(await remaining(opened.layer, "letters"), [
    { type: "a", id: 9007199254740993n, float: 1e300 },
  ]);
});

Deno.test("send exits with status 1 if the channel is full", async () => {
  await using opened = await openSqliteLayer();
  const events = ['{"type":"a"}', '{"type":"b"}', '{"type":"c"}'];
  const args = ["send", "letters", ...events, "--layer", `${opened.url}?capacity=2`];
  await using program = startProgram(args);
  assertEquals(await program.end, 1);
  assertEquals(program.stderr.all, [
    "error: channel letters is full: capacity 2, accepted 2 events of the last batch; " +
    "retry later or use --wait",
    `Sent 2 events to letters (layer ${opened.url})`,
  ]);
});

Deno.test("send --wait waits for capacity", async () => {
  await using opened = await openSqliteLayer();
  const events = ["a", "b", "c"].map((type) => JSON.stringify({ type }));
  const args = ["send", "letters", ...events, "--wait", "--layer", `${opened.url}?capacity=1`];
  await using program = startProgram(args);
  const types = [];
  while (types.length < 3) types.push((await opened.layer.receive("letters")).type);
  assertEquals(types, ["a", "b", "c"]);
  assertEquals(await program.end, 0);
});

Deno.test("send --wait stops on a signal", async () => {
  await using opened = await openSqliteLayer();
  const layer = `${opened.url}?capacity=1`;
  const args = ["send", "letters", '{"type":"a"}', '{"type":"b"}', "--wait", "--layer", layer];
  await using program = startProgram(args);
  await until("one is sent", async () => {
    return (await opened.layer.inspect(["letters"])).channels[0]?.depth !== 0;
  });
  program.kill("SIGINT");
  assertEquals(await program.end, 1);
  assertEquals(program.stderr.all, ["error: stopped by a signal before all events were sent"]);
});

Deno.test("send uses the layers that the app configures", async () => {
  await using opened = await openSqliteLayer();
  const library = new URL("../../mod.ts", import.meta.url).href;
  await Deno.writeTextFile(
    `${opened.folder}/app.ts`,
    `import { configureChannelLayers } from "${library}";
     configureChannelLayers({ default: "sqlite:one.sqlite3", other: "${opened.url}" });`,
  );
  const send = async (...args: string[]) => {
    await using program = startProgram(["send", "a", '{"type":"x"}', ...args], {
      cwd: opened.folder,
    });
    assertEquals(await program.end, 0, program.stderr.all.join("\n"));
    return program.stderr.all.join("\n");
  };
  assertStringIncludes(await send(), `layer sqlite:${opened.folder}/one.sqlite3`);
  assertStringIncludes(await send("--layer", "other"), `layer ${opened.url}`);
  assertEquals(await remaining(opened.layer, "a"), [{ type: "x" }]);
});

/** An app that prints when it is loaded, and starts a server. */
const APP = `
  console.log("loaded " + import.meta.url.split("/").at(-1));
  if (import.meta.main) Deno.serve(() => new Response());
`;

for (const command of [["send", "a", '{"type":"x"}'], ["check", "a"]]) {
  const [name = ""] = command;

  Deno.test(`${name} loads the app only if nothing else names the layer, and logs the app`, async () => {
    await using opened = await openSqliteLayer();
    await opened.layer.send("a", { type: "first" });
    await Deno.writeTextFile(`${opened.folder}/app.ts`, APP);
    await Deno.writeTextFile(`${opened.folder}/other.ts`, APP);
    const run = async (args: readonly string[], env: Record<string, string> = {}) => {
      await using program = startProgram([...command, ...args], { cwd: opened.folder, env });
      await program.end;
      const said = program.stderr.all.filter((line) => line.startsWith("Loading"));
      return [...program.stdout.all.filter((line) => line.startsWith("loaded")), ...said];
    };
    const loading = (app: string) => [
      `loaded ${app}`,
      `Loading ./${app}, which may configure the channel layers`,
    ];
    assertEquals(await run(["--layer", opened.url]), []);
    assertEquals(await run([], { CHANNEL_LAYER_URL: opened.url }), []);
    assertEquals(await run(["--layer", opened.url, "--app", "other.ts"]), []);
    assertEquals(await run([]), loading("app.ts"));
    assertEquals(await run(["--app", "other.ts"]), loading("other.ts"));
    assertEquals(await run([], { CHANNELS_APP: "other.ts" }), loading("other.ts"));
    // An alias may be one of the app's.
    assertEquals(await run(["--layer", "default"]), loading("app.ts"));
    assertEquals(
      await run(["--layer", "default"], { CHANNEL_LAYER_URL: opened.url }),
      loading("app.ts"),
    );
  });
}

Deno.test("send takes the layer from the environment, and --layer before it", async () => {
  await using opened = await openSqliteLayer();
  const env = { CHANNEL_LAYER_URL: "sqlite:from_environment.sqlite3" };
  const send = async (...args: string[]) => {
    const options = { cwd: opened.folder, env };
    await using program = startProgram(["send", "a", '{"type":"x"}', ...args], options);
    assertEquals(await program.end, 0, program.stderr.all.join("\n"));
    return program.stderr.all.join("\n");
  };
  assertStringIncludes(await send(), `layer sqlite:${opened.folder}/from_environment.sqlite3`);
  assertStringIncludes(await send("--layer", opened.url), `layer ${opened.url}`);
});
