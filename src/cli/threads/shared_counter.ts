import { Counter } from "../../worker/internal.ts";

/** Memory that several threads share. */
export type CounterMemory = Float64Array<SharedArrayBuffer>;

/** More than a counter has numbers. */
const LENGTH = 32;

/** Creates the memory of a counter. */
export function counterMemory(): CounterMemory {
  return new Float64Array(new SharedArrayBuffer(LENGTH * Float64Array.BYTES_PER_ELEMENT));
}

/** Returns a counter in shared memory: its counts outlive its thread. */
export function sharedCounter(memory: CounterMemory): Counter {
  const counter = new Counter();
  let position = 0;
  for (const part of [counter, counter.droppedBy]) {
    for (const [name, value] of Object.entries(part)) {
      if (typeof value === "number") keepIn(memory, position++, part, name);
    }
  }
  return counter;
}

/** Returns the sum of several counters. */
export function sumOf(memories: readonly CounterMemory[]): CounterMemory {
  const sum = counterMemory();
  for (const memory of memories) memory.forEach((value, position) => sum[position]! += value);
  return sum;
}

function keepIn(memory: CounterMemory, position: number, part: object, name: string): void {
  Object.defineProperty(part, name, {
    get: () => memory[position],
    set: (value: number) => memory[position] = value,
    enumerable: true,
  });
}
