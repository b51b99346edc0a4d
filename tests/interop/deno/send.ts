import "./layers.ts";
import { closeChannelLayers, getChannelLayer } from "@asgi/channels";

const layer = getChannelLayer();
await layer.send("photos", { type: "thumbnail.ready", id: 8 });
await closeChannelLayers();
