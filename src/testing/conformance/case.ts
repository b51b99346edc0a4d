import type { ChannelLayer, ChannelLayerOptions } from "../../layers/mod.ts";

/** A place that layers share, such as one file or one server: new and empty for each case. */
export interface LayerBackend extends AsyncDisposable {
  /**
   * Makes a layer on this place, as one more process would. Disposing the backend closes all of
   * them, those that are closed already too.
   *
   * @param options What the case asks of the layer.
   * @returns The layer.
   */
  connect(options?: ChannelLayerOptions): ChannelLayer;
}

/** One promise of the contract. */
export interface LayerCase {
  /** The method, and what it does. */
  readonly name: string;
  /** Rejects when the promise isn't kept. */
  readonly run: (backend: LayerBackend) => Promise<void>;
}
