import { assertMatch, assertRejects } from "@std/assert";
import { ChannelFullError, MemoryChannelLayer, SendTimeoutError } from "@asgi/channels";

const EVENT = { type: "test.event" };

Deno.test("an error of send() has a stack that contains its caller", async () => {
  await using layer = new MemoryChannelLayer({ capacity: 1 });
  const placeOrder = async (options?: { waitForCapacity: boolean; timeout: number }) => {
    await layer.send("orders", EVENT, options);
  };
  await placeOrder();
  const full = await assertRejects(() => placeOrder(), ChannelFullError);
  assertMatch(
    full.stack ?? "",
    /^ChannelFullError: Channel "orders" is full.*\n.*#send[^]*placeOrder/,
  );
  const patient = { waitForCapacity: true, timeout: 10 };
  const late = await assertRejects(() => placeOrder(patient), SendTimeoutError);
  assertMatch(late.stack ?? "", /^SendTimeoutError: [^]*placeOrder/);
});
