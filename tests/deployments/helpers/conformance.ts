import { RedisChannelLayer, type RedisChannelLayerOptions } from "@asgi/channels";
import { type LayerSubject, testChannelLayer } from "@asgi/channels/testing/conformance";
import { AMBIGUOUS_PREFIXES, backendOf } from "../../helpers/layers.ts";

/** A deployment for the conformance suite. */
export interface Deployment<Servers extends AsyncDisposable> {
  readonly name: string;
  /** Starts the servers, once for all cases. */
  readonly start: () => Promise<Servers>;
  /** Returns the options of a layer on the servers. */
  readonly options: (servers: Servers) => RedisChannelLayerOptions;
  readonly except?: LayerSubject["except"];
}

/** Runs the suite on servers that the cases share: each has a prefix of its own. */
export function testDeployment<Servers extends AsyncDisposable>(
  { name, start, options, except = {} }: Deployment<Servers>,
): void {
  const servers = sharedServers(start);
  testChannelLayer({
    name,
    except: { ...AMBIGUOUS_PREFIXES, ...except },
    open() {
      const own = `${crypto.randomUUID()}.`;
      return Promise.resolve(backendOf((asked = {}) => {
        const prefix = own + (asked.prefix ?? "asgi");
        return new RedisChannelLayer({ ...asked, ...options(servers()), prefix });
      }));
    },
  });
}

/** Starts servers before the first test of a file, and ends them after the last. */
export function sharedServers<Servers extends AsyncDisposable>(
  start: () => Promise<Servers>,
): () => Servers {
  let servers: Servers | undefined;
  Deno.test.beforeAll(async () => {
    servers = await start();
  });
  Deno.test.afterAll(async () => await servers?.[Symbol.asyncDispose]());
  return () => {
    if (!servers) throw new Error("The servers are not started yet");
    return servers;
  };
}

/** Starts several independent servers. */
export async function startAll<One extends AsyncDisposable>(
  count: number,
  start: () => Promise<One>,
): Promise<AsyncDisposable & { readonly all: readonly One[] }> {
  const all = await Promise.all(Array.from({ length: count }, start));
  const stack = new AsyncDisposableStack();
  for (const one of all) stack.use(one);
  return { all, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}
