import { assertEquals, assertLess, assertMatch, assertStringIncludes } from "@std/assert";
import { SqliteChannelLayer } from "@asgi/channels";
import { startProgram, startScript } from "../helpers/program.ts";
import { temporaryFolder } from "../helpers/temporary.ts";

const FLAG = "--unstable-worker-options";
const PROGRAM = new URL("../fixtures/threads/untrusted_app.ts", import.meta.url);

/** Replaces `postMessage` of ports for the first message that `when` matches. */
const onPost = (when: string, action: string) => `
  const { prototype } = MessagePort, original = prototype.postMessage;
  prototype.postMessage = function (message, ...rest) {
    const post = (other) => original.call(this, other, ...rest);
    if (!(${when})) return post(message);
    prototype.postMessage = original;
    ${action}
  };
`;
const answering = (action: string) => onPost(`message?.type === "done"`, action);
const calling = (action: string) =>
  onPost("message?.method", action) + "self.channelLayer.newChannel('letters');";

/** What untrusted code does, and the error with which its event fails, if it does. */
const ATTACKS: Readonly<Record<string, readonly [code: string, failure?: RegExp]>> = {
  "leaves a promise that fails": ["Promise.reject(new Error('unhandled'))"],
  "leaves 100,000 promises that fail": [
    "for (let i = 0; i < 1e5; i++) Promise.reject(new Error('unhandled ' + i))",
  ],
  "throws from a timer": ["setTimeout(() => { throw new Error('later') }, 1)"],
  "throws an error with a forged prototype": [
    "throw Object.defineProperty(new Error('x'), '__proto__', { value: { a: 1 }, enumerable: true })",
    /^Error: x$/,
  ],
  "throws an error whose getters throw": [
    "const e = new Error('x'); Object.defineProperty(e, 'message', { get() { throw e } }); throw e",
    /cannot be inspected|undefined/,
  ],
  "throws what can't become text": ["throw Object.assign(Object.create(null), { f() {} })", /.*/],
  "throws an error with 10,000 causes": [
    "let e = new Error('first'); for (let i = 0; i < 1e4; i++) e = new Error('x', { cause: e }); throw e",
    /^Error: x$/,
  ],
  "says that the server has stopped": [
    "throw Object.assign(new Error('spoof'), { name: 'ServerStoppedError' })",
    /^ServerStoppedError: spoof$/,
  ],
  "answers null": [answering("post(null)"), /not part of the protocol/],
  "answers with a number": [answering("post(5)"), /not part of the protocol/],
  "answers with an unknown word": [answering("post({ type: 'x' })"), /not part of the protocol/],
  "answers another request": [answering("post({ type: 'done', id: 99 })"), /not part of the prot/],
  "fails without an error": [answering("post({ ...message, type: 'failed' })"), /not part of the/],
  "fails with a forged error": [
    answering("post({ ...message, type: 'failed', error: { name: {}, message: 1, cause: 7 } })"),
    /.*/,
  ],
  "says again that it has started": [
    answering("post({ type: 'started' })"),
    /not part of the protocol/,
  ],
  "answers twice": [answering("post(message); post(message)")],
  "answers without end": [
    answering("for (;;) post({ type: 'unhandled', count: 1, error: {} })"),
    /prot/,
  ],
  "posts to its parent without end": ["for (;;) postMessage(1)", /postMessage is not defined/],
  "never answers": [answering(""), /^ThreadError/],
  "calls an unknown method": [
    calling("post({ ...message, method: 'constructor' })"),
    /not part of/,
  ],
  "calls without arguments": [calling("post({ ...message, args: null })"), /not part of the prot/],
  "calls null": [calling("post(null)"), /not part of the protocol/],
  "calls without end": [calling("for (;;) post(message)"), /not part of the protocol/],
  "waits for capacity for ever": [
    "for (;;) self.channelLayer.send('full', { type: 'x' }, { waitForCapacity: true })",
    /^ThreadError/,
  ],
  "waits for ever": ["Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)", /^ThreadE/],
  "burns CPU for ever": ["for (;;);", /^ThreadError/],
  "burns CPU in microtasks for ever": ["(function f() { Promise.resolve().then(f) })()"],
  "replaces Atomics": ["Atomics.wait = () => {}; self.channelLayer.newChannel('letters')", /.*/],
  "replaces what it is made of": [
    "JSON.stringify = structuredClone = Error = Map = Object.entries = undefined; throw 1",
    /.*/,
  ],
  "exits": ["Deno.exit(3)", /its code ended the thread/],
  "aborts the process": ["process.abort()", /^TypeError/],
  "kills its process": ["process.kill(process.pid, 'SIGKILL')", /^TypeError/],
  "kills its process by Deno.kill()": ["Deno.kill(Deno.pid, 'SIGKILL')", /^TypeError/],
  "imports what can kill its process": [
    "import('node:process').then(({ kill, pid }) => kill(pid, 'SIGKILL'))",
  ],
  "imports it by a data: URL": [
    "import(`data:text/javascript,import { kill, pid } from 'node:process'; kill(pid, 'SIGKILL')`)",
  ],
  "starts a thread": [
    "new Worker(`data:text/javascript,Deno.kill(Deno.pid, 'SIGKILL')`, { type: 'module' })",
    /^ReferenceError/,
  ],
  "frees its lock": ["navigator.locks.request('x', () => {})", /^TypeError/],
};

for (const [what, [code, failure]] of Object.entries(ATTACKS)) {
  Deno.test(`code without permissions that ${what} costs only its thread`, async () => {
    const permissions = ["-A", FLAG];
    await using program = startScript(PROGRAM.href, [code], { permissions });
    assertEquals(await program.end, 0, program.stderr.all.join("\n"));
    const { failures, megabytes } = JSON.parse(program.stdout.all.join("\n"));
    if (failure) assertMatch(failures[0] ?? "", failure);
    assertLess(megabytes, 600);
  });
}

Deno.test("runworker logs the errors that code without permissions leaves behind", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/events.sqlite3`;
  await using layer = new SqliteChannelLayer({ path });
  await using worker = startProgram(
    ["runworker", "untrusted", "--app", PROGRAM.href, "--layer", `sqlite:${path}`],
    { permissions: ["-A", FLAG] },
  );
  await worker.stderr.until("Listening on");
  const send = (code: string) => layer.send("untrusted", { type: "run", code });
  await send("Promise.reject(new Error('rejection of untrusted code'))");
  await worker.stderr.until("rejection of untrusted code");
  await send("setTimeout(() => { throw new Error('later') }, 1)");
  await worker.stderr.until("later");
  await send(answering("post({ ...message, type: 'failed' })"));
  await worker.stderr.until("not part of the protocol");
  await send("self.channelLayer.send('next', { type: 'next' })");
  assertEquals((await layer.receive("next")).type, "next");
  worker.kill("SIGTERM");
  assertEquals(await worker.end, 0, worker.stderr.all.join("\n"));
  assertStringIncludes(worker.stderr.all.join("\n"), "4 received, 3 handled, 1 failed");
});
