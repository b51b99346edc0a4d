/**
 * Installs what the tests need and this machine lacks: `deno task test` runs it first, and
 * `deno task test:web` with the argument `browser`.
 *
 * On Debian as root it takes the packages from Debian; elsewhere it says what to install. Without
 * them the tests that need them are skipped on a desk, and fail where the environment says `CI=true`.
 *
 * @module
 */

/** What tests start: how to see that it is there, and Debian's packages that have it. */
interface Need {
  readonly test: string;
  readonly packages: readonly string[];
}

const NEEDS: readonly Need[] = [
  { test: "command -v redis-server", packages: ["redis-server"] },
  { test: "command -v openssl", packages: ["openssl"] },
  {
    test: "/usr/bin/python3 -c 'import channels_redis.core, cryptography, daphne, django'",
    packages: [
      "python3-channels-redis",
      "python3-cryptography",
      "python3-daphne",
      "python3-django",
    ],
  },
];

/** What the tests in a browser need as well; the font is for their screenshots. */
const BROWSER: Need = {
  test: "command -v chromium || command -v google-chrome",
  packages: ["chromium", "fonts-dejavu-core"],
};

if (import.meta.main) {
  const needs = Deno.args.includes("browser") ? [...NEEDS, BROWSER] : NEEDS;
  const missing: string[] = [];
  for (const { test, packages } of needs) if (!await succeeds(test)) missing.push(...packages);
  if (missing.length > 0) await provide(missing);
}

async function provide(packages: readonly string[]): Promise<void> {
  const names = packages.join(" ");
  if (Deno.uid() !== 0 || !await succeeds("command -v apt-get")) {
    console.warn(`The tests need what Debian calls ${names}: please install it. Without it, tests`);
    console.warn("that need it are skipped, and fail where the environment says CI=true.");
    return;
  }
  console.log(`Installing what the tests need from Debian's packages: ${names}`);
  // A server that the package would start isn't wanted: the tests start their own.
  const environment = { DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  await execute(["apt-get", "update", "-q"], environment);
  await execute(
    ["apt-get", "install", "-q", "-y", "--no-install-recommends", ...packages],
    environment,
  );
}

async function execute(
  [program = "", ...args]: string[],
  env: Record<string, string>,
): Promise<void> {
  const { success, code, stdout, stderr } = await new Deno.Command(program, { args, env }).output();
  if (success) return;
  const decoder = new TextDecoder();
  console.error(decoder.decode(stdout) + decoder.decode(stderr));
  console.error(`${program} ${args[0]} failed with ${code}`);
  Deno.exit(1);
}

async function succeeds(script: string): Promise<boolean> {
  return (await new Deno.Command("sh", { args: ["-c", script] }).output()).success;
}
