/**
 * One event, or one answer, on its way between a server and an application.
 *
 * What else may be in it when it travels over a channel layer is said at `ChannelLayer.send()`.
 */
export interface Message {
  /** What kind of event it is; a consumer's handler has the same name. */
  readonly type: string;
  /** The rest belongs to sender and receiver. */
  readonly [key: string]: unknown;
}
