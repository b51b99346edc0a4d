/** What the bench ran on: its kind, not its name. */
export async function machineFacts(quick: boolean): Promise<Record<string, string>> {
  const cpu = /^model name\s*:\s*(.*)$/m.exec(await read("/proc/cpuinfo"))?.[1] ?? Deno.build.arch;
  return {
    run: quick ? "quick" : "full",
    date: new Date().toISOString().slice(0, 10),
    machine: `${navigator.hardwareConcurrency} cores (${cpu}), ${Deno.build.os}`,
    Deno: Deno.version.deno,
    Node: await output("node", "--version"),
    Python: (await output("/usr/bin/python3", "--version")).replace("Python ", ""),
    Redis: /v=(\S+)/.exec(await output("redis-server", "--version"))?.[1] ?? "none",
  };
}

async function read(path: string): Promise<string> {
  return await Deno.readTextFile(path).catch(() => "");
}

async function output(command: string, ...args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await new Deno.Command(command, { args: [...args] }).output();
    return new TextDecoder().decode(stdout).trim();
  } catch {
    return "none";
  }
}
