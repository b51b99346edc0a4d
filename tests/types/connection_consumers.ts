/** What the compiler says about consumers of connections, and about routers of paths. */
import {
  type Application,
  AsyncEventSourceConsumer,
  AsyncHttpConsumer,
  AsyncJsonWebsocketConsumer,
  AsyncWebsocketConsumer,
  type ChannelScope,
  type EventsOf,
  type HttpScope,
  ProtocolTypeRouter,
  URLRouter,
  type WebSocketScope,
} from "@asgi/channels";

class ChatConsumer extends AsyncWebsocketConsumer {
  override get groups() {
    return [`room.${this.scope.params.room}`];
  }

  override async receive(data: string | Uint8Array) {
    await this.send(data);
    // @ts-expect-error A message is text or bytes.
    await this.send({ type: "websocket.send", text: "x" });
  }

  async chat_message(event: { type: "chat.message"; text: string }) {
    await this.send(event.text);
  }

  async websocket_receive(event: { type: "anything"; date: Date }) {
    await Promise.resolve(event);
  }
}

const chat = ChatConsumer.asAsgi();
chat satisfies Application<WebSocketScope>;
// @ts-expect-error It can't take the scope of a request.
chat satisfies Application<HttpScope>;
// @ts-expect-error It can't take the scope of a channel.
chat satisfies Application<ChannelScope>;

const event: EventsOf<typeof ChatConsumer> = { type: "chat.message", text: "Hello" };
event satisfies EventsOf<typeof chat>;
// @ts-expect-error Only its own methods handle events.
({ type: "receive" }) satisfies EventsOf<typeof ChatConsumer>;
// @ts-expect-error The text is missing.
({ type: "chat.message" }) satisfies EventsOf<typeof ChatConsumer>;

class SumConsumer extends AsyncJsonWebsocketConsumer<{ add: number }, { sum: number }> {
  override async receiveJson(content: { add: number }) {
    await this.sendJson({ sum: content.add });
    // @ts-expect-error The sum is a number.
    await this.sendJson({ sum: "1" });
  }
}
SumConsumer.asAsgi() satisfies Application<WebSocketScope>;
// @ts-expect-error It has no handlers.
({ type: "receiveJson" }) satisfies EventsOf<typeof SumConsumer>;

class WrongContentConsumer extends AsyncJsonWebsocketConsumer<number> {
  // @ts-expect-error Clients send numbers.
  override async receiveJson(content: string) {
    await Promise.resolve(content);
  }
}
WrongContentConsumer.asAsgi();

class WrongEventConsumer extends AsyncWebsocketConsumer {
  async opened(event: { type: "closed" }) {
    await Promise.resolve(event);
  }
}
// @ts-expect-error opened() never receives events of type "closed".
WrongEventConsumer.asAsgi();

class DateConsumer extends AsyncHttpConsumer {
  async handle() {
    await this.sendResponse(200);
  }

  async opened(event: { type: "opened"; at: Date }) {
    await Promise.resolve(event);
  }
}
// @ts-expect-error opened() takes at, which cannot be sent.
DateConsumer.asAsgi();

class UploadConsumer extends AsyncHttpConsumer {
  constructor(readonly folder: string) {
    super();
  }

  async handle(body: Uint8Array) {
    await this.sendResponse(200, body, { "content-type": "image/png" });
  }
}
UploadConsumer.asAsgi("pictures") satisfies Application<HttpScope>;
// @ts-expect-error The folder is missing.
UploadConsumer.asAsgi();

// @ts-expect-error handle() is missing.
class UnfinishedConsumer extends AsyncHttpConsumer {}
void UnfinishedConsumer;

class FeedConsumer extends AsyncEventSourceConsumer {
  async news(event: { type: "news"; text: string }) {
    await this.sendEvent({ event: "news", data: event.text });
    // @ts-expect-error The name of an event is text.
    await this.sendEvent({ event: 1 });
  }
}

ProtocolTypeRouter({
  http: URLRouter({ "/upload": UploadConsumer.asAsgi("a"), "/feed": FeedConsumer.asAsgi() }),
  websocket: URLRouter({ "/ws/:room": chat, "/sum": SumConsumer.asAsgi() }),
});
// @ts-expect-error A request is no WebSocket.
ProtocolTypeRouter({ http: URLRouter({ "/ws/:room": chat }) });
// @ts-expect-error A class is no application.
URLRouter({ "/ws/:room": ChatConsumer });
