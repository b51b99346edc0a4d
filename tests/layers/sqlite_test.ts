import { SqliteChannelLayer } from "@asgi/channels";
import { testChannelLayer } from "@asgi/channels/testing/conformance";
import { temporaryFolder } from "../helpers/temporary.ts";
import { backendOf } from "../helpers/layers.ts";

testChannelLayer({
  name: "SqliteChannelLayer",
  async open() {
    const folder = await temporaryFolder();
    const path = `${folder.path}/channels.sqlite3`;
    return backendOf((options) => new SqliteChannelLayer({ ...options, path }), folder);
  },
});
