import os

from channels.routing import ChannelNameRouter, ProtocolTypeRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
django_application = get_asgi_application()

from photos.consumers import PhotoConsumer

application = ProtocolTypeRouter(
    {
        "http": django_application,
        "channel": ChannelNameRouter({"photos": PhotoConsumer.as_asgi()}),
    }
)
