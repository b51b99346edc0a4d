import { until } from "../helpers/waiting.ts";
import { startPeer, testWithPython } from "../interop/python.ts";
import { SAMPLES, startGallery, storedPictures } from "./gallery.ts";

testWithPython("a Django site can add a picture to the gallery", async (_t, redis) => {
  await using gallery = await startGallery(redis.url);
  await using peer = startPeer(redis);
  await Deno.mkdir(`${gallery.folder}/.gallery/from-django`, { recursive: true });
  await Deno.copyFile(SAMPLES[0] ?? "", `${gallery.folder}/.gallery/from-django/original`);
  const event = { type: "generate", id: "from-django", name: "Sent by Django" };
  await peer.call({}, "send", "gallery-thumbnails", event);
  await until("its thumbnail is done", async () => {
    return (await storedPictures(gallery)).some(({ state }) => state === "done");
  });
});
