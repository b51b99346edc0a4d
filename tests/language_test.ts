import { assertEquals } from "@std/assert";

const ROOT = new URL("../", import.meta.url);

/** Words that aren't used, and the field's terms that replace them: readers search for the latter. */
type Terms = readonly (readonly [words: RegExp, term: string])[];

/**
 * Ordinary words that were private terms (keep, line, step, found, member, order, word) are left
 * out: they are correct in their ordinary meaning.
 */
const TERMS: Terms = [
  [/hand(?:s|ed|ing)? (?:\w+ )?back\b|handBack|handedBack|putBack|giveBack/, "requeue"],
  [/gives? back\b|given back\b|puts? (?:it |them )?back\b|takes? back\b|taken back\b/, "requeue"],
  [/\bundo(?:es|ne|ing)?\b/, "requeue"],
  [/mayBeDone|isUndone/, "outcomeUnknown"],
  [/LayerUnusable/, "LayerConfigurationError"],
  [/\binHand\b|\bin (?:\w+ )?hands?\b/, "in flight"],
  [/onListening/, "onListen"],
  [/outbox/, "send buffer"],
  [/\b(?:portion|parcel)s?\b/, "batch"],
  [/waiting ?room|\bpollers?\b|local ?inbox/, "receiver, source loop, mailbox"],
  [/\bbells?\b|\bringing\b|\brung\b/, "wake-up key"],
  [/doorbell/, "change watcher"],
  [/\bspoil(?:t|ed|s)?\b/, "key of the wrong type"],
  [/\btakers?\b/, "failover guard"],
  [/\btroubles?\b/, "failures"],
  [/\b(?:lane|seat|callee)s?\b/, "slot"],
  [/\b(?:company|births?|welcomes?)\b/, "registry, init, handshake"],
  [/\bengines?\b/, "thread runtime"],
  [/\bagony\b|last[ _]words|\bgrace\b/, "terminate timeout"],
  [/\bintake\b/, "event loop, mailbox"],
  [/\bsurroundings\b/, "context"],
  [
    /\b(?:pace|stock)\b|(?:\.|get |most.|fetch\w* |work )ahead\b|(?<!params)\.room\b|\bget room\b/,
    "prefetch, credit",
  ],
  [/\b(?:for|no|more|enough|has|have|its|makes?) room\b/, "capacity"],
  [/InstanceHost/, "runner"],
  [/\bfleets?\b/, "thread group"],
  [/\bstray\b/, "unhandled rejection"],
  [/\bcuts? off\b|\bleft at (?:once|the second)\b/, "interrupted, exited"],
  [/\bplace: unknown\b|\b(?:its|their) (?:own )?places?\b/, "position"],
];

/** Turns of phrase of `docs` and `src` that were replaced, and what replaces them. */
const PHRASES: Terms = [
  [/\b(?:whoever|nobody|somebody|someone|anybody|everybody|strangers)\b/, "the component's name"],
  [/\bhas outgrown\b|\boutgrows\b/, "use several machines"],
  [/nothing has to be installed/, "no broker required"],
  [/(?<!there )\bis no (?!longer|more|less|other|reason|problem|need|use|gain|risk)\w+/, "isn't a"],
  [/takes no more\b/, "stops fetching"],
  [/\b(?:leaves?|left) with (?:exit code )?(?:\d|\$|the )/, "exits with status"],
  [/\bburn(?:s|ing|ed)? (?:the )?CPU\b/, "CPU-bound"],
  [/say more than (?:its |their )?numbers/, "compare ratios"],
  [/\bshall\b/, "must, should, will"],
  [/flows? on\b|go(?:es)? round\b/, "keep working, skip"],
  [/\btakes? (?:\w+ ){1,3}along\b/, "lost with it"],
  [/\bso many to each\b/, "the same number for each"],
  [/\bmakes? no sense\b/, "must be ..., got ..."],
  [/\bDied:|\bthreads? (?:that )?d(?:ies|ied)\b|\ba dead thread\b/, "exited"],
  [/everyone has\b/, "in the system's trust store"],
  [/knows to be taken\b/, "has confirmed its removal"],
  [/ends the connection at once\b/, "closed the connection immediately"],
  [/does it want TLS|\bin TLS alone\b/, "requires TLS"],
  [/\blets? (?:nobody|no one) in\b/, "rejected the credentials"],
  [/was to be sent\b|may have arrived\b/, "may have been sent"],
  [/\bopened or made\b/, "open or create"],
  [/\blet(?:s|ting)? go\b/, "releases, closes"],
  [/\bgiv(?:e|es|en) out\b/, "delivered"],
  [/\bmade anew\b|\bbeg[aiu]ns? anew\b|\banew\b/, "recreated, again"],
  [/\bis believed\b/, "is validated"],
  [/what a watcher sees|how to keep a redis/, "observability, persistence settings"],
  [/\bsees whether\b|\bsees to it\b/, "checks, ensures"],
  [/\bfor ever\b/, "indefinitely"],
  [
    /\b(?:layer|Redis|server|host) is (?:away|back|lost)\b|\bit is (?:away|back)\b/,
    "unreachable, reachable",
  ],
  [/\b(?:layer|Redis|server|host) (?:was )?away\b/, "unreachable"],
  [/\bsurvives minification\b/, "(no comment)"],
  [/\bmakes the error\b/, "creates an error"],
];

/** Doc comments begin as in Deno's standard library. */
const DOC_COMMENTS: Terms = [
  [/(?:\/\*\*|^ *\*) Gives\b/m, "Returns"],
  [/(?:\/\*\*|^ *\*) Makes\b/m, "Creates"],
  [/@throws \{[^}]*\} (?:When|At|That)\b/, "If ..."],
  [/@returns? Gives\b/, "the noun"],
];

/** Compiles a pattern in which a space matches a line break of prose or of a comment as well. */
function compile({ source, flags }: RegExp): RegExp {
  const isPattern = source.includes("^ *") || source.includes("(?:\\/");
  const text = isPattern ? source : source.replaceAll(" ", String.raw`[\s*/>]+`);
  return new RegExp(text, `${flags.replace("i", "")}gi`);
}

/** Returns the words of a text that should be replaced, as `line N: WORDS (use TERM)`. */
function offencesIn(text: string, terms: Terms): string[] {
  return terms.flatMap(([words, term]) =>
    Array.from(text.matchAll(compile(words)), ({ 0: found, index }) => {
      const line = text.slice(0, index).split("\n").length;
      return `line ${line}: ${found.replaceAll(/\s+/g, " ").trim()} (use ${term})`;
    })
  );
}

async function filesIn(folder: string, end: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))) {
    if (isDirectory) found.push(...await filesIn(`${folder}${name}/`, end));
    else if (name.endsWith(end)) found.push(`${folder}${name}`);
  }
  return found.sort();
}

async function offencesOf(paths: readonly string[], terms: Terms): Promise<string[]> {
  const texts = await Promise.all(paths.map((path) => Deno.readTextFile(new URL(path, ROOT))));
  return texts.flatMap((text, at) =>
    offencesIn(text, terms).map((offence) => `${paths[at]} ${offence}`)
  );
}

Deno.test("offencesIn() finds words that have a better term", () => {
  assertEquals(offencesIn("requeue\nthe worker hands it back", TERMS), [
    "line 2: hands it back (use requeue)",
  ]);
  assertEquals(offencesIn("the worker leaves with 1", PHRASES).length, 1);
  assertEquals(offencesIn("/** Gives the number. */", DOC_COMMENTS).length, 1);
});

Deno.test("offencesIn() finds words on both sides of a line break", () => {
  assertEquals(offencesIn("the worker hands\nback", TERMS).length, 1);
  assertEquals(offencesIn(" * the worker hands\n * back", TERMS).length, 1);
  assertEquals(offencesIn("// this makes\n// no sense", PHRASES).length, 1);
});

Deno.test("offencesIn() accepts the field's terms", () => {
  const text =
    "The worker requeues unstarted events, and exits with 0. It is no longer reachable.\n" +
    "/** Returns the prefetch. */ graceful bellows, a replaced thread, in place of the key";
  assertEquals(offencesIn(text, [...TERMS, ...PHRASES, ...DOC_COMMENTS]), []);
});

for (const path of [...await filesIn("docs/", ".md"), "README.md", "SECURITY.md"]) {
  Deno.test(`${path} uses the field's terms`, async () => {
    assertEquals(await offencesOf([path], [...TERMS, ...PHRASES]), []);
  });
}

Deno.test("the contributors' pages use the field's terms", async () => {
  const paths = await filesIn(".github/", ".md");
  assertEquals(await offencesOf(paths, [...TERMS, ...PHRASES]), []);
});

Deno.test("the source uses the field's terms", async () => {
  const paths = [...await filesIn("src/", ".ts"), "mod.ts", "cli.ts"];
  assertEquals(await offencesOf(paths, [...TERMS, ...PHRASES, ...DOC_COMMENTS]), []);
});
