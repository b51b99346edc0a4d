import { assertEquals, assertStringIncludes } from "@std/assert";
import { type Message, SqliteChannelLayer } from "@asgi/channels";
import { startProgram } from "../helpers/program.ts";
import { temporaryFolder } from "../helpers/temporary.ts";

/** A folder with a layer in it, and what the program has to be told to use it. */
async function openFolder() {
  const folder = await temporaryFolder();
  const path = `${folder.path}/events.sqlite3`;
  const layer = new SqliteChannelLayer({ path });
  return {
    path: folder.path,
    layer,
    url: `sqlite:${path}`,
    async [Symbol.asyncDispose]() {
      await layer.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** What a channel holds. */
async function contents(layer: SqliteChannelLayer, channel: string): Promise<Message[]> {
  const deliveries = await layer.receiveMany(channel, { limit: 1000, wait: false });
  return deliveries.map((delivery) => delivery.read());
}

Deno.test("send sends the events of its arguments in their order", async () => {
  await using folder = await openFolder();
  const events = ['{"type":"a","id":1}', '{"type":"b","nested":{"list":[1,null]}}'];
  await using program = startProgram(["send", "letters", ...events, "--layer", folder.url]);
  assertEquals(await program.end, 0);
  assertEquals(program.stdout.all, []);
  assertEquals(program.stderr.all, [`Sent 2 events to letters (layer ${folder.url})`]);
  assertEquals(await contents(folder.layer, "letters"), events.map((text) => JSON.parse(text)));
});

Deno.test("send reads one event a line from standard input for -", async () => {
  await using folder = await openFolder();
  const stdin = '{"type":"a"}\n\n  {"type":"b"}\n{"type":"c"}';
  const args = ["send", "letters", "-", "--quiet", "--layer", folder.url];
  await using program = startProgram(args, { stdin });
  assertEquals(await program.end, 0);
  assertEquals(program.stderr.all, []);
  const types = (await contents(folder.layer, "letters")).map(({ type }) => type);
  assertEquals(types, ["a", "b", "c"]);
});

Deno.test("send says which line is no event, and has sent the lines before it", async () => {
  await using folder = await openFolder();
  const stdin = '{"type":"a"}\noops\n{"type":"c"}\n';
  await using program = startProgram(["send", "letters", "-", "--layer", folder.url], { stdin });
  assertEquals(await program.end, 2);
  assertStringIncludes(program.stderr.all.join("\n"), "error: line 2 is not valid JSON");
  assertEquals(await contents(folder.layer, "letters"), [{ type: "a" }]);
});

Deno.test("send keeps integers that a number can't hold", async () => {
  await using folder = await openFolder();
  const event = '{"type":"a","id":9007199254740993,"float":1e300}';
  await using program = startProgram(["send", "letters", event, "--layer", folder.url]);
  assertEquals(await program.end, 0);
  assertEquals(await contents(folder.layer, "letters"), [
    { type: "a", id: 9007199254740993n, float: 1e300 },
  ]);
});

Deno.test("send leaves with 1 when the channel is full", async () => {
  await using folder = await openFolder();
  const events = ['{"type":"a"}', '{"type":"b"}', '{"type":"c"}'];
  const args = ["send", "letters", ...events, "--layer", `${folder.url}?capacity=2`];
  await using program = startProgram(args);
  assertEquals(await program.end, 1);
  assertEquals(program.stderr.all, [
    "error: channel letters is full: capacity 2, accepted 2 events of the last batch; " +
    "retry later or use --wait",
    `Sent 2 events to letters (layer ${folder.url})`,
  ]);
});

Deno.test("send --wait waits for room", async () => {
  await using folder = await openFolder();
  const events = ["a", "b", "c"].map((type) => JSON.stringify({ type }));
  const args = ["send", "letters", ...events, "--wait", "--layer", `${folder.url}?capacity=1`];
  await using program = startProgram(args);
  const types = [];
  while (types.length < 3) types.push((await folder.layer.receive("letters")).type);
  assertEquals(types, ["a", "b", "c"]);
  assertEquals(await program.end, 0);
});

Deno.test("send --wait is ended by a signal", async () => {
  await using folder = await openFolder();
  const layer = `${folder.url}?capacity=1`;
  const args = ["send", "letters", '{"type":"a"}', '{"type":"b"}', "--wait", "--layer", layer];
  await using program = startProgram(args);
  while ((await folder.layer.inspect(["letters"])).channels[0]?.depth === 0);
  program.kill("SIGINT");
  assertEquals(await program.end, 1);
  assertEquals(program.stderr.all, ["error: stopped by a signal before all events were sent"]);
});

Deno.test("send uses the layers that the app configures", async () => {
  await using folder = await openFolder();
  const library = new URL("../../mod.ts", import.meta.url).href;
  await Deno.writeTextFile(
    `${folder.path}/app.ts`,
    `import { configureChannelLayers } from "${library}";
     configureChannelLayers({ default: "sqlite:one.sqlite3", other: "${folder.url}" });`,
  );
  const send = async (...args: string[]) => {
    await using program = startProgram(["send", "a", '{"type":"x"}', ...args], {
      cwd: folder.path,
    });
    assertEquals(await program.end, 0, program.stderr.all.join("\n"));
    return program.stderr.all.join("\n");
  };
  assertStringIncludes(await send(), `layer sqlite:${folder.path}/one.sqlite3`);
  assertStringIncludes(await send("--layer", "other"), `layer ${folder.url}`);
  assertEquals(await contents(folder.layer, "a"), [{ type: "x" }]);
});

/** An app that says when it is loaded, and has a server of its own. */
const APP = `
  console.log("loaded " + import.meta.url.split("/").at(-1));
  if (import.meta.main) Deno.serve(() => new Response());
`;

for (const command of [["send", "a", '{"type":"x"}'], ["check", "a"]]) {
  const [name = ""] = command;

  Deno.test(`${name} loads the app only if nothing else names the layer, and says which`, async () => {
    await using folder = await openFolder();
    await folder.layer.send("a", { type: "first" });
    await Deno.writeTextFile(`${folder.path}/app.ts`, APP);
    await Deno.writeTextFile(`${folder.path}/other.ts`, APP);
    const run = async (args: readonly string[], env: Record<string, string> = {}) => {
      await using program = startProgram([...command, ...args], { cwd: folder.path, env });
      await program.end;
      const said = program.stderr.all.filter((line) => line.startsWith("Loading"));
      return [...program.stdout.all.filter((line) => line.startsWith("loaded")), ...said];
    };
    const loading = (app: string) => [
      `loaded ${app}`,
      `Loading ./${app}, which may configure the channel layers`,
    ];
    assertEquals(await run(["--layer", folder.url]), []);
    assertEquals(await run([], { CHANNEL_LAYER_URL: folder.url }), []);
    assertEquals(await run(["--layer", folder.url, "--app", "other.ts"]), []);
    assertEquals(await run([]), loading("app.ts"));
    assertEquals(await run(["--app", "other.ts"]), loading("other.ts"));
    assertEquals(await run([], { CHANNELS_APP: "other.ts" }), loading("other.ts"));
    // An alias may be one of the app's.
    assertEquals(await run(["--layer", "default"]), loading("app.ts"));
    assertEquals(
      await run(["--layer", "default"], { CHANNEL_LAYER_URL: folder.url }),
      loading("app.ts"),
    );
  });
}

Deno.test("send takes the layer from the environment, and --layer before it", async () => {
  await using folder = await openFolder();
  const env = { CHANNEL_LAYER_URL: "sqlite:from_environment.sqlite3" };
  const send = async (...args: string[]) => {
    const options = { cwd: folder.path, env };
    await using program = startProgram(["send", "a", '{"type":"x"}', ...args], options);
    assertEquals(await program.end, 0, program.stderr.all.join("\n"));
    return program.stderr.all.join("\n");
  };
  assertStringIncludes(await send(), `layer sqlite:${folder.path}/from_environment.sqlite3`);
  assertStringIncludes(await send("--layer", folder.url), `layer ${folder.url}`);
});
