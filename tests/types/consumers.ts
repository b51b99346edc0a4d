/** What the compiler says about a consumer's class, at `asAsgi()`. */
import {
  type Application,
  AsyncConsumer,
  type ChannelScope,
  type StandardSchema,
  SyncConsumer,
} from "@asgi/channels";

class WrongTypeConsumer extends AsyncConsumer {
  async opened(event: { type: "closed" }) {
    await Promise.resolve(event);
  }
}
// @ts-expect-error opened() never receives events of type "closed".
WrongTypeConsumer.asAsgi();

class PartlyWrongConsumer extends AsyncConsumer {
  async opened(event: { type: "opened" } | { type: "closed" }) {
    await Promise.resolve(event);
  }
}
// @ts-expect-error opened() never receives events of type "closed".
PartlyWrongConsumer.asAsgi();

class NumberConsumer extends AsyncConsumer {
  async count(amount: number) {
    await Promise.resolve(amount);
  }
}
// @ts-expect-error count() must take an event.
NumberConsumer.asAsgi();

class DateConsumer extends AsyncConsumer {
  async opened(event: { type: "opened"; files: { at: Date }[] }) {
    await Promise.resolve(event);
  }
}
// @ts-expect-error opened() takes files[].at, which cannot be sent.
DateConsumer.asAsgi();

class MapConsumer extends AsyncConsumer {
  async opened(event: { type: "opened"; names: Map<string, string> }) {
    await Promise.resolve(event);
  }
}
// @ts-expect-error opened() takes names, which cannot be sent.
MapConsumer.asAsgi();

class FunctionConsumer extends AsyncConsumer {
  async opened(event: { type: "opened"; then: () => void }) {
    await Promise.resolve(event.type);
  }
}
// @ts-expect-error opened() takes then, which cannot be sent.
FunctionConsumer.asAsgi();

class AsyncOnThreadsConsumer extends SyncConsumer {
  static override module = import.meta.url;

  async work(event: { type: "work" }) {
    await Promise.resolve(event);
  }
}
// @ts-expect-error work() must not return a promise.
AsyncOnThreadsConsumer.asAsgi();

class SyncOnLoopConsumer extends AsyncConsumer {
  work(event: { type: "work" }): number {
    return event.type.length;
  }

  fail(): never {
    throw new RangeError("always");
  }
}
SyncOnLoopConsumer.asAsgi() satisfies Application<ChannelScope>;

class ArgumentConsumer extends AsyncConsumer {
  constructor(readonly folder: string, readonly size = 1) {
    super();
  }
}
ArgumentConsumer.asAsgi("pictures");
ArgumentConsumer.asAsgi("pictures", 2);
// @ts-expect-error The folder is missing.
ArgumentConsumer.asAsgi();
// @ts-expect-error The folder is a string.
ArgumentConsumer.asAsgi(2);

declare const number: StandardSchema<{ type: "count"; by: string }, { type: "count"; by: number }>;
declare const text: StandardSchema<{ type: "count"; by: string }>;

class SchemaConsumer extends AsyncConsumer {
  static schemas = { count: number };

  async count(event: { type: "count"; by: number }) {
    await Promise.resolve(event);
  }
}
SchemaConsumer.asAsgi() satisfies Application<ChannelScope>;

class WrongSchemaConsumer extends AsyncConsumer {
  static schemas = { count: text };

  async count(event: { type: "count"; by: number }) {
    await Promise.resolve(event);
  }
}
// @ts-expect-error schemas.count does not return what count() takes.
WrongSchemaConsumer.asAsgi();

class SpareSchemaConsumer extends AsyncConsumer {
  static schemas = { counts: number };

  async count(event: { type: "count"; by: number }) {
    await Promise.resolve(event);
  }
}
// @ts-expect-error schemas.counts has no handler.
SpareSchemaConsumer.asAsgi();

class NoSchemaConsumer extends AsyncConsumer {
  static schemas = { count: /\d+/ };

  async count(event: { type: "count"; by: number }) {
    await Promise.resolve(event);
  }
}
// @ts-expect-error schemas.count must be a Standard Schema.
NoSchemaConsumer.asAsgi();
