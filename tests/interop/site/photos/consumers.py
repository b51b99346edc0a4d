from channels.consumer import AsyncConsumer


class PhotoConsumer(AsyncConsumer):
    async def thumbnail_ready(self, event):
        print("Thumbnail of photo", event["id"], "is ready", flush=True)
