import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  configureChannelLayers,
  getChannelLayer,
  LayerConfigurationError,
  RedisChannelLayer,
  type RedisChannelLayerOptions,
} from "@asgi/channels";
import { startFakeServer } from "../helpers/network.ts";
import { startRedis, testWithRedis } from "../helpers/redis.ts";
import { leaks, printed, type Secret, secrets } from "../helpers/secrets.ts";

const EVENT = { type: "test.event" };

/** Everything that can be seen of a layer that can't be reached, or of why there is none. */
async function seen(open: () => RedisChannelLayer): Promise<string> {
  try {
    await using layer = open();
    const failures = [layer.send("a", EVENT), layer.inspect(["a"]), layer.groupSend("g", EVENT)]
      .map((call) => call.catch((error) => error));
    return [layer, ...await Promise.all(failures)].map(printed).join("\n");
  } catch (error) {
    return printed(error);
  }
}

function fromRegistry(url: string): RedisChannelLayer {
  configureChannelLayers({ secret: url });
  try {
    return getChannelLayer("secret") as RedisChannelLayer;
  } finally {
    configureChannelLayers({});
  }
}

/** URLs with a password where it belongs, and where it was put by mistake. Port 1 refuses. */
const URLS: readonly ((password: string) => string)[] = [
  (password) => `redis://ann:${password}@127.0.0.1:1`,
  (password) => `redis://:${password}@127.0.0.1:1,127.0.0.1:1/2?prefix=x`,
  (password) => `redis://ann:${password}@@127.0.0.1:notaport`,
  (password) => `redis://ann:${password}@[::1]:1?capacity=none`,
  (password) => `redis://:123${password}@h?nonsense=1`,
  (password) => `rediss://:${password}@127.0.0.1:1`,
  (password) => `unix://ann:${password}@/no/such/redis.sock`,
  (password) => `redis+sentinel://ann:${password}@127.0.0.1:1/master`,
  (password) => `redis+sentinel://ann:${password}@127.0.0.1:1`,
  (password) => `redis+cluster://ann:${password}@127.0.0.1:1`,
  (password) => `redis+cluster://ann:${password}@127.0.0.1:1/1`,
  (password) => `redis:/ann:${password}@127.0.0.1`,
  (password) => `redis//ann:${password}@127.0.0.1`,
  (password) => `REDIS://ann:${password}@127.0.0.1`,
  (password) => `http://ann:${password}@127.0.0.1`,
  (password) => `redis://ann:${password.replaceAll("@", "")}`,
  (password) => `redis://127.0.0.1:1/${password.replaceAll("?", "")}`,
  (password) => `redis://127.0.0.1:1?symmetricEncryptionKeys=${password}`,
  (password) => `redis://127.0.0.1:1?symmetricEncryptionKeys=${password}&capacity=none`,
  (password) => `rediss://127.0.0.1:1?key=${password}`,
];

/** Options of layers, with a password wherever they accept one. */
const OPTIONS: readonly ((password: string) => RedisChannelLayerOptions)[] = [
  (password) => ({ url: `redis://ann:${encodeURIComponent(password)}@127.0.0.1:1` }),
  (password) => ({ url: `redis://ann:${password}@127.0.0.1:1` }),
  (password) => ({ url: `redis://${encodeURIComponent(password)}@127.0.0.1:1` }),
  (password) => ({ url: `redis://${encodeURIComponent(password)}:@127.0.0.1:1` }),
  (password) => ({ hosts: [`redis://:${password}@127.0.0.1:1`, "redis://127.0.0.1:1"] }),
  (password) => ({ hosts: [`redis://h:1?symmetricEncryptionKeys=${password}`] }),
  (password) => ({
    hosts: [{
      sentinels: ["127.0.0.1:1"],
      master: "m",
      username: "ann",
      password,
      sentinelPassword: password,
    }],
  }),
  (password) => ({ hosts: [{ sentinels: [`:${password}@127.0.0.1:1`], master: "m" }] }),
  (password) => ({ url: "redis://127.0.0.1:1", symmetricEncryptionKeys: [password, ""] }),
  (password) => ({ url: "redis://127.0.0.1:1", symmetricEncryptionKeys: [password] }),
  (password) => ({
    url: "redis://127.0.0.1:1",
    symmetricEncryptionKeys: password as unknown as string[],
  }),
  (password) => ({ url: "rediss://127.0.0.1:1", tls: { key: password } }),
];

async function checkNoLeak(secret: Secret, open: () => RedisChannelLayer): Promise<void> {
  const text = await seen(open);
  assertEquals(leaks(secret, text), [], text);
  assertEquals(text.includes(secret.text), false);
}

for (const urlOf of URLS) {
  Deno.test(`a layer URL leaks no password: ${urlOf("PASSWORD")}`, async () => {
    const property = fc.asyncProperty(secrets, async (secret) => {
      for (const password of [secret.text, encodeURIComponent(secret.text)]) {
        await checkNoLeak(secret, () => fromRegistry(urlOf(password)));
      }
    });
    await fc.assert(property, { numRuns: 15 });
  });
}

for (const [at, optionsOf] of OPTIONS.entries()) {
  const name = Deno.inspect(optionsOf("PASSWORD"), { breakLength: Infinity });
  Deno.test(`RedisChannelLayer() leaks no password: ${at} ${name}`, async () => {
    const property = fc.asyncProperty(secrets, async (secret) => {
      await checkNoLeak(secret, () => new RedisChannelLayer(optionsOf(secret.text)));
    });
    await fc.assert(property, { numRuns: 10 });
  });
}

/** How a server may repeat what it was sent. */
const ECHOES: readonly ((args: readonly string[]) => string)[] = [
  ([name = "", ...args]) =>
    `-ERR unknown command '${name}', with args beginning with: ${
      args.map((arg) => `'${arg}'`).join(" ")
    }\r\n`,
  ([name = "", ...args]) =>
    `-ERR unknown command \`${name}\`, with args beginning with: ${
      args.map((arg) => `\`${arg.slice(0, 5)}\`, `).join("")
    }\r\n`,
  (args) => `-ERR what is ${args.join(" ")}?\r\n`,
  (args) => `-${args.at(-1)?.slice(0, 5)} was refused\r\n`,
  (args) => `-WRONGPASS ${args.map((arg) => JSON.stringify(arg)).join()}\r\n`,
  (args) => `-${args.map(encodeURIComponent).join("&")}\r\n`,
  (args) => `+${args.join(" ")}\r\n`,
];

/** The arguments of a command, as the protocol has them. */
function argumentsOf(chunk: string): string[] {
  return chunk.split("\r\n").filter((_, at) => at > 0 && at % 2 === 0);
}

for (const [at, echo] of ECHOES.entries()) {
  Deno.test(`a server that echoes the password leaks none, case ${at}`, async () => {
    await using server = await startFakeServer((chunk) => echo(argumentsOf(chunk)));
    const property = fc.asyncProperty(secrets, async (secret) => {
      const password = secret.text;
      const encoded = encodeURIComponent(password);
      const urls = ["redis", "redis+cluster"].map((scheme) =>
        `${scheme}://ann:${encoded}@${server.at}`
      );
      urls.push(`redis://${encoded}@${server.at}`, `redis://:${encoded}@${server.at},${server.at}`);
      const layers = urls.map((url) => () => new RedisChannelLayer({ url }));
      const sentinel = { sentinels: [server.at], master: "m", sentinelPassword: password };
      layers.push(() => new RedisChannelLayer({ hosts: [sentinel] }));
      for (const open of layers) {
        const text = await seen(open);
        const parts = secret.words.map((part) => part.slice(0, 5));
        assertEquals(parts.filter((part) => text.includes(part)), [], text);
      }
    });
    await fc.assert(property, { numRuns: 5 });
  });
}

Deno.test("a layer URL with an invalid percent-escape is rejected with a remedy", () => {
  for (
    const url of [
      "redis://ann:50%@h",
      "redis://a%zz:b@h",
      "redis://h/%1",
      "unix:///a%",
      "redis://h?prefix=5%",
      "redis://:%ff@h",
    ]
  ) {
    const error = assertThrows(() => fromRegistry(url), TypeError, "encode % as %25");
    assertEquals(error.cause, undefined);
    assertThrows(() => new RedisChannelLayer({ url }), TypeError, "encode % as %25");
  }
});

Deno.test("a layer URL with an unencoded password is rejected with what to encode", () => {
  for (
    const url of [
      "redis://ann:a/b@h",
      "redis://ann:1/b@h",
      "redis://ann:a?b@h",
      "redis://ann:1?prefix=b@h",
      "unix://ann:a/b@/tmp/x.sock",
      "redis+sentinel://:1/b@h/m",
    ]
  ) {
    assertThrows(() => fromRegistry(url), TypeError, "/ as %2F");
  }
});

Deno.test("a password may contain any encoded character, and : @ # and spaces unencoded", async () => {
  // Nothing listens: what the layer is called shows how its URL was read.
  for (const password of ["a:b", "a@b", "a#b", "a b", encodeURIComponent("a%/?@#: b")]) {
    await using layer = new RedisChannelLayer({ url: `redis://ann:${password}@127.0.0.1:1` });
    assertEquals(String(layer), "redis://ann:***@127.0.0.1:1");
  }
});

testWithRedis("Secrets and Redis", () => {
  Deno.test("a Redis that doesn't know AUTH is named, without the command's arguments", async () => {
    await using redis = await startRedis(["--rename-command", "AUTH", ""]);
    await using layer = new RedisChannelLayer({
      url: redis.url.replace("unix://", "unix://ann:hidden@"),
    });
    const error = await assertRejects(() => layer.send("a", EVENT), LayerConfigurationError);
    assertStringIncludes(error.message, "unknown command 'AUTH'");
    assertEquals(printed(error).includes("hidden"), false);
  });

  Deno.test("a Redis that doesn't know EVALSHA is named, without the message", async () => {
    await using redis = await startRedis(["--rename-command", "EVALSHA", ""]);
    await using layer = new RedisChannelLayer({ url: redis.url });
    const sending = () => layer.send("a", { ...EVENT, text: "hidden" });
    const error = await assertRejects(
      sending,
      LayerConfigurationError,
      "unknown command 'EVALSHA'",
    );
    assertEquals(printed(error).includes("hidden"), false);
    assertEquals(printed(error).includes("asgia"), false);
  });

  Deno.test("a Redis that has no password rejects one with a remedy", async () => {
    await using redis = await startRedis();
    const url = redis.url.replace("unix://", "unix://:hidden@");
    await using layer = new RedisChannelLayer({ url });
    await assertRejects(
      () => layer.send("a", EVENT),
      LayerConfigurationError,
      "remove it from the URL",
    );
  });

  Deno.test("a password that is a Redis keyword changes no error", async () => {
    for (const password of ["WRONGPASS", "user", "invalid", "a", "ERR"]) {
      await using redis = await startRedis(["--requirepass", "other"]);
      const url = redis.url.replace("unix://", `unix://:${password}@`);
      await using layer = new RedisChannelLayer({ url });
      await assertRejects(
        () => layer.send("a", EVENT),
        LayerConfigurationError,
        "wrong username or password",
      );
    }
  });
});
