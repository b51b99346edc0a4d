"""A Django site that has nothing but a channel layer."""

from .task import TASK

SECRET_KEY = "of no use"
DEBUG = False
INSTALLED_APPS = ["channels"]
ASGI_APPLICATION = "bench_site.asgi.application"

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {
            "hosts": [TASK["url"]],
            "capacity": TASK["capacity"],
            "expiry": 600,
        },
    },
}

# So that `runworker` says when it is up.
LOGGING = {
    "version": 1,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {"django.channels": {"handlers": ["console"], "level": "INFO"}},
}
