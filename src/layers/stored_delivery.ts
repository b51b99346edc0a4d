import type { Message } from "../protocol/mod.ts";
import type { Delivery } from "./channel_layer.ts";
import type { MessageForm } from "./message_form.ts";
import type { StoredBody } from "./store.ts";

/** A body that was taken, not yet decoded. */
export class StoredDelivery implements Delivery {
  readonly channel: string;
  readonly body: StoredBody;
  readonly #expiry: number;
  readonly #form: MessageForm;

  constructor(channel: string, body: StoredBody, expiry: number, form: MessageForm) {
    this.channel = channel;
    this.body = body;
    this.#expiry = expiry;
    this.#form = form;
  }

  get expiresAt(): number {
    return this.body.sentAt + this.#expiry;
  }

  read(): Message {
    return this.#form.open(this.body.bytes);
  }
}

/** @throws {TypeError} When a delivery is none of a layer's own. */
export function bodyOf(delivery: Delivery): StoredBody {
  if (delivery instanceof StoredDelivery) return delivery.body;
  throw new TypeError("Only what receiveMany() of the same layer gave can be handed back");
}
