/**
 * What Linux tells of a process, in `/proc`.
 *
 * @module
 */

/** Clock ticks per second in `/proc/PID/stat`; Linux has had no other number for decades. */
const TICKS = 100;

/** The seconds of CPU that a process has used so far, in all of its threads. */
export async function cpuSeconds(pid: number): Promise<number> {
  const text = await Deno.readTextFile(`/proc/${pid}/stat`);
  // The second field may hold spaces and brackets; what follows it doesn't.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** The memory of a process that is resident, in megabytes (of 1,000,000 bytes). */
export async function residentMegabytes(pid: number): Promise<number> {
  const text = await Deno.readTextFile(`/proc/${pid}/status`);
  const kibibytes = Number(/^VmRSS:\s+(\d+) kB/m.exec(text)?.[1]);
  return kibibytes * 1024 / 1_000_000;
}
