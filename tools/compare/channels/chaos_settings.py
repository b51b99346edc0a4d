"""A Django site that has nothing but a channel layer: CHAOS_URL says where."""

import os

SECRET_KEY = "of no use"
INSTALLED_APPS = ["channels"]
ASGI_APPLICATION = "chaos_asgi.application"

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {"hosts": [os.environ["CHAOS_URL"]], "capacity": 1000, "expiry": 60},
    },
}

# So that `runworker` says when it is up.
LOGGING = {
    "version": 1,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {"django.channels": {"handlers": ["console"], "level": "INFO"}},
}
