"""A Django site with a channel layer; the environment says where the Redis is."""

import os

SECRET_KEY = "of no use"
INSTALLED_APPS = ["channels", "peer"]
ASGI_APPLICATION = os.environ.get("ASGI_APPLICATION", "peer.application.application")

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {
            "hosts": [os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")],
            "prefix": "asgi",
            "capacity": 1000,
            "expiry": 60,  # seconds
            "group_expiry": 86400,  # seconds
        },
    },
}
