/**
 * Installs what the tests need and this machine lacks: `deno task test` runs it first.
 *
 * On Debian as root it takes the packages from Debian; elsewhere it says what to install. Without
 * them the tests that need them are skipped on a desk, and fail where the environment says `CI=true`.
 *
 * @module
 */

/** A program that tests start, and Debian's package that has it. */
interface Need {
  readonly program: string;
  readonly package: string;
}

const NEEDS: readonly Need[] = [{ program: "redis-server", package: "redis-server" }];

if (import.meta.main) {
  const missing = [];
  for (const need of NEEDS) if (!await isThere(need.program)) missing.push(need.package);
  if (missing.length > 0) await provide(missing);
}

async function provide(packages: readonly string[]): Promise<void> {
  const names = packages.join(" ");
  if (Deno.uid() !== 0 || !await isThere("apt-get")) {
    console.warn(`The tests need what Debian calls ${names}: please install it. Without it, tests`);
    console.warn("that need it are skipped, and fail where the environment says CI=true.");
    return;
  }
  console.log(`Installing what the tests need from Debian's packages: ${names}`);
  // A server that the package would start isn't wanted: the tests start their own.
  const environment = { DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  await run(["apt-get", "update", "-q"], environment);
  await run(
    ["apt-get", "install", "-q", "-y", "--no-install-recommends", ...packages],
    environment,
  );
}

async function run([program = "", ...args]: string[], env: Record<string, string>): Promise<void> {
  const { success, code, stdout, stderr } = await new Deno.Command(program, { args, env }).output();
  if (success) return;
  const decoder = new TextDecoder();
  console.error(decoder.decode(stdout) + decoder.decode(stderr));
  console.error(`${program} ${args[0]} failed with ${code}`);
  Deno.exit(1);
}

async function isThere(program: string): Promise<boolean> {
  const command = new Deno.Command("sh", { args: ["-c", `command -v "${program}"`] });
  return (await command.output()).success;
}
