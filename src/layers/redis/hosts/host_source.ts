import type { Batch, Demand, Source } from "../../store.ts";
import type { Host } from "./host.ts";
import { isAway } from "../trouble.ts";

/** Takes from one of several hosts; while that is lost, it waits, as long as another is there. */
export class HostSource implements Source {
  readonly #host: Host;
  readonly #hosts: readonly Host[];
  #wake: () => void = () => {};

  constructor(host: Host, hosts: readonly Host[]) {
    this.#host = host;
    this.#hosts = hosts;
  }

  async poll(demand: Demand, wait: boolean): Promise<Batch[]> {
    const interrupted = new Promise<void>((resolve) => this.#wake = resolve);
    try {
      return await this.#host.use(({ source }) => source.poll(demand, wait));
    } catch (error) {
      if (!isAway(error) || this.#hosts.every(({ failure }) => failure)) throw error;
    }
    if (wait) await Promise.race([this.#host.returned, interrupted]);
    return [];
  }

  async interrupt(): Promise<void> {
    this.#wake();
    await this.#host.store.source.interrupt();
  }
}
