import { isBuiltin, registerHooks } from "node:module";
import process from "node:process";

/**
 * Takes from the code of a thread with fewer permissions than its program what Deno gives to any code,
 * and what ends or holds up the whole process: signals to it (`process.kill()` needs no permission
 * for the own process), listeners for its signals, its flags, threads of its own, the locks by which the
 * other threads are watched, and the modules that lead there.
 *
 * The module of the consumer is loaded before, by the rights of the program: it may keep what it needs.
 */
export function fence(): void {
  registerHooks({
    resolve(specifier, context, next) {
      if (!isBuiltin(specifier)) return next(specifier, context);
      throw new TypeError(`Code with fewer permissions can't import ${specifier} in a handler`);
    },
  });
  take(Deno, ["kill", "addSignalListener", "removeSignalListener", internalOf(Deno)]);
  take(process, ["kill", "_kill", "abort", "binding", "dlopen", "getBuiltinModule"]);
  take(globalThis, ["Worker"]);
  take(navigator, ["locks"]);
}

/** Deno's internals are under a symbol. */
function internalOf(deno: object): PropertyKey {
  return (deno as { readonly internal?: symbol }).internal ?? "internal";
}

/** Takes properties from an object, and from what it inherits them from. */
function take(owner: object, names: readonly PropertyKey[]): void {
  for (const name of names) {
    for (let level: object | null = owner; level; level = Object.getPrototypeOf(level)) {
      if (Object.hasOwn(level, name)) Reflect.deleteProperty(level, name);
    }
  }
}
