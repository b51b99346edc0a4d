import { warn } from "../warnings.ts";

/** The keys under which another program has put something else than messages: each is told of once. */
export class WrongTypeKeys {
  readonly #names = new Set<string>();

  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** Notes which of some keys are spoilt now. */
  note(names: readonly string[], spoilt: readonly string[]): void {
    for (const name of names) if (!spoilt.includes(name)) this.#names.delete(name);
    for (const name of spoilt) {
      if (this.#names.has(name)) continue;
      this.#names.add(name);
      warn(
        `The key ${name} in Redis holds something else than a channel's messages: ` +
          "nothing is received from it until it is deleted",
      );
    }
  }
}
