import { assertRejects } from "@std/assert";
import { MemoryChannelLayer } from "@asgi/channels";

const RULE =
  "only ASCII letters, digits, hyphens, underscores and periods, fewer than 100 characters";

Deno.test("MemoryChannelLayer.send() states the rule when it rejects a channel name", async () => {
  await using layer = new MemoryChannelLayer();
  await assertRejects(
    () => layer.send("my letters", { type: "test.event" }),
    TypeError,
    `Channel name "my letters" is not valid: ${RULE}, and one "!" in a process-local one`,
  );
});

Deno.test("MemoryChannelLayer.groupAdd() states the rule when it rejects a group name", async () => {
  await using layer = new MemoryChannelLayer();
  await assertRejects(
    () => layer.groupAdd("readers!", "letters"),
    TypeError,
    `Group name "readers!" is not valid: ${RULE}`,
  );
});

Deno.test("MemoryChannelLayer.send() doesn't repeat a name that is very long", async () => {
  await using layer = new MemoryChannelLayer();
  const name = "n".repeat(100_000);
  const error = await assertRejects(() => layer.send(name, { type: "test.event" }), TypeError);
  if (error.message.length > 500) throw new Error(`It says ${error.message.length} characters`);
});
