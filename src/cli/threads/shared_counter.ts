import { Counter } from "../../worker/internal.ts";

/** Memory that several threads see. */
export type CounterMemory = Float64Array<SharedArrayBuffer>;

/** More than there are numbers in a counter. */
const PLACES = 32;

/** Makes the memory of a counter. */
export function counterMemory(): CounterMemory {
  return new Float64Array(new SharedArrayBuffer(PLACES * Float64Array.BYTES_PER_ELEMENT));
}

/** A counter that other threads see: nothing is forgotten when its thread dies. */
export function sharedCounter(memory: CounterMemory): Counter {
  const counter = new Counter();
  let place = 0;
  for (const part of [counter, counter.droppedBy]) {
    for (const [name, value] of Object.entries(part)) {
      if (typeof value === "number") keepIn(memory, place++, part, name);
    }
  }
  return counter;
}

/** Adds up what several counters have counted. */
export function sumOf(memories: readonly CounterMemory[]): CounterMemory {
  const sum = counterMemory();
  for (const memory of memories) memory.forEach((value, place) => sum[place]! += value);
  return sum;
}

function keepIn(memory: CounterMemory, place: number, part: object, name: string): void {
  Object.defineProperty(part, name, {
    get: () => memory[place],
    set: (value: number) => memory[place] = value,
    enumerable: true,
  });
}
