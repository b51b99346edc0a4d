import type { ChannelLayer, ChannelLayerOptions } from "../../layers/mod.ts";

/** A backend that several layers share, such as a file or a server: new and empty for each case. */
export interface LayerBackend extends AsyncDisposable {
  /**
   * Creates a layer on this backend, as another process would. The disposal of the backend closes all its
   * layers, including those that are closed already.
   *
   * @param options The options of the layer.
   * @returns The layer.
   */
  connect(options?: ChannelLayerOptions): ChannelLayer;
}

/** One promise of the contract. */
export interface LayerCase {
  /** The method, and what it does. */
  readonly name: string;
  /** Rejects if the layer breaks the promise. */
  readonly run: (backend: LayerBackend) => Promise<void>;
}
