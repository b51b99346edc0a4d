from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.http import HttpResponse


def upload(request, photo_id):
    layer = get_channel_layer()
    async_to_sync(layer.send)("thumbnails-generate", {"type": "generate", "id": photo_id})
    return HttpResponse("It will be generated\n", status=202)
