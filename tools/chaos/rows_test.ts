import { assertEquals, assertMatch } from "@std/assert";
import { REDIS_FAULTS } from "./redis_faults.ts";
import { SQLITE_FAULTS } from "./sqlite_faults.ts";
import { WORKER_FAULTS } from "./worker_faults.ts";

const PAGE = new URL("../../docs/reliability.md", import.meta.url);

const FAULTS = [...REDIS_FAULTS, ...SQLITE_FAULTS, ...WORKER_FAULTS];

/** A section is a heading and a list, each item of which begins with its name: `- **Lost:** ...`. */
const SECTION = /^### (.+)\n\n((?:(?:- \*\*| {2}).*\n)+)/gm;
const ITEM = /^- \*\*(.+?):\*\* (.+(?:\n {2}.+)*)/gm;

interface Section {
  readonly heading: string;
  /** The texts of its list, by their names. */
  readonly items: ReadonlyMap<string, string>;
}

/** Returns the sections of a page that are about a fault. */
function sectionsIn(page: string): Section[] {
  return Array.from(page.matchAll(SECTION), ([, heading = "", list = ""]) => {
    const items = list.matchAll(ITEM).map(([, name = "", text = ""]) => [name, text] as const);
    return { heading, items: new Map(items) };
  });
}

/** Whether a section says that events are lost; one that doesn't say what is lost allows no loss. */
function losesEvents(section: Section | undefined): boolean {
  return !/^nothing\b/i.test(section?.items.get("Lost") ?? "nothing");
}

const page = await Deno.readTextFile(PAGE);
const sections = sectionsIn(page);
const headings = sections.map(({ heading }) => heading);

Deno.test("every fault of the chaos run has a section in docs/reliability.md", () => {
  assertEquals(FAULTS.map(({ section }) => section).filter((name) => !headings.includes(name)), []);
});

Deno.test("a fault of the chaos run explains a loss only if its section allows one", () => {
  const sectionOf = (name: string) => sections.find(({ heading }) => heading === name);
  const tooGenerous = FAULTS.filter(({ section, mayLose }) =>
    mayLose && !losesEvents(sectionOf(section))
  );
  assertEquals(tooGenerous.map(({ name }) => name), []);
});

Deno.test("every fault in docs/reliability.md has one section, of the same shape", () => {
  assertEquals(headings.length, new Set(headings).size);
  assertEquals(headings.length, page.match(/^- \*\*Effect:\*\*/gm)?.length);
  for (const { heading, items } of sections) {
    assertMatch(
      [...items.keys()].join(", "),
      /^Effect, Lost, Logged, (Django Channels, )?Test$/,
      heading,
    );
  }
});

Deno.test("docs/reliability.md lists every fault that loses events, and no other", () => {
  const [, , ...listed] = Array.from(page.matchAll(/^\| (.+?) +\|/gm), ([, fault]) => fault);
  const others = page.replace(/^## Malformed messages\n[^]*?(?=^## )/m, "");
  const losing = sectionsIn(others).filter(losesEvents).map(({ heading }) => heading);
  assertEquals(listed, losing);
});

Deno.test("every test that docs/reliability.md names exists", async () => {
  const paths = page.matchAll(/`((?:src|tests)\/\S+\.ts)`/g).map(([, path = ""]) => path);
  for (const path of new Set(paths)) await Deno.stat(new URL(`../../${path}`, import.meta.url));
});
