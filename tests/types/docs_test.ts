import { assertEquals, assertStringIncludes } from "@std/assert";
import { temporaryFolder } from "../helpers/temporary.ts";

const ROOT = new URL("../../", import.meta.url);

const page = await Deno.readTextFile(new URL("docs/types.md", ROOT));

/** Returns the code blocks of a language in a text, with and without further words. */
function blocksOf(text: string, language: string): string[] {
  const pattern = new RegExp("^ *```" + language + "[^\\n]*\\n([\\s\\S]*?)^ *```$", "gm");
  return Array.from(text.matchAll(pattern), ([, code = ""]) => code);
}

/** Checks files with the compiler, and returns its messages by file: one line for each error. */
async function check(files: ReadonlyMap<string, string>): Promise<Map<string, string[]>> {
  await using folder = await temporaryFolder();
  for (const [name, text] of files) await Deno.writeTextFile(`${folder.path}/${name}`, text);
  const config = new URL("deno.json", ROOT).pathname;
  const paths = [...files.keys()].map((name) => `${folder.path}/${name}`);
  const args = ["check", "--no-lock", "--config", config, ...paths];
  const { stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    env: { NO_COLOR: "1" },
  }).output();
  const errors = new Map<string, string[]>();
  const pattern = /^TS\d+ \[ERROR\]: (.*)$[\s\S]*?^ {4}at file:\/\/\S*\/(\S+?\.ts):/gm;
  for (const [, message = "", name = ""] of new TextDecoder().decode(stderr).matchAll(pattern)) {
    errors.set(name, [...errors.get(name) ?? [], message]);
  }
  return errors;
}

/** The program of the page's first sections. */
const [app = "", server = ""] = blocksOf(page, "ts");
const SENDER = server.split("\n").slice(0, 4).join("\n");
const CONSUMERS = 'import { AsyncConsumer, SyncConsumer } from "@asgi/channels";\n';

const mistakes = page.slice(page.indexOf("\n## Mistakes\n")).split(/^### /m).slice(1);

Deno.test("docs/types.md: the compiler reports each mistake once, with the message of the page", async () => {
  const files = new Map([["app.ts", app]]);
  mistakes.forEach((text, index) => {
    const [code = ""] = blocksOf(text, "ts");
    const head = code.includes("layer.send") ? SENDER : CONSUMERS;
    files.set(`mistake${index + 1}.ts`, `${head}\n${code}`);
  });
  const errors = await check(files);
  assertEquals(mistakes.length, 12);
  mistakes.forEach((text, index) => {
    const found = errors.get(`mistake${index + 1}.ts`) ?? [];
    assertEquals(found.length, 1, `${index + 1}: ${found.join("; ")}`);
    const [message = ""] = blocksOf(text, "text");
    assertStringIncludes(found[0] ?? "", message.trim().replaceAll(/\s+/g, " "));
    assertEquals(message.trim() === "", false, `mistake ${index + 1} has no message`);
  });
});

Deno.test("docs/types.md: the declaration checks this.channelLayer, in consumers of the same program", async () => {
  const [, declaration = ""] = blocksOf(page, "ts ignore");
  const source = app.replace("ChannelNameRouter,", "ChannelNameRouter, SyncConsumer,") +
    declaration.replace(
      "readonly groups: Groups;",
      "readonly groups: { readonly all: Generate };",
    ) +
    `
class AskConsumer extends AsyncConsumer {
  async ask(event: { type: "ask"; id: number }) {
    await this.channelLayer.groupSend("all", { type: "generate", id: event.id });
    // @ts-expect-error There is no such channel.
    await this.channelLayer.send("nowhere", { type: "generate", id: 1 });
    // @ts-expect-error The id is a number.
    return await this.channelLayer.send("thumbnails-generate", { type: "generate", id: "1" });
  }
}
class AnswerConsumer extends SyncConsumer {
  static override module = import.meta.url;
  answer(event: { type: "answer"; id: number }) {
    this.channelLayer.send("thumbnails-generate", { type: "generate", id: event.id });
    // @ts-expect-error There is no such group.
    this.channelLayer.groupSend("nobody", { type: "generate", id: 1 });
  }
}
AskConsumer.asAsgi();
AnswerConsumer.asAsgi();
`;
  assertEquals(await check(new Map([["declared.ts", source]])), new Map());
});
