"""Layers that Debian's channels_redis doesn't have."""

import json
import random
import time

from channels_redis.core import RedisChannelLayer


class LateRedisChannelLayer(RedisChannelLayer):
    """Encrypts as if it were more than `expiry` and ten seconds ago."""

    def serialize(self, message):
        crypter, self.crypter = self.crypter, None
        prefix_and_body = super().serialize(message)
        self.crypter = crypter
        prefix, body = prefix_and_body[:12], prefix_and_body[12:]
        sent_at = int(time.time()) - self.expiry - 15
        return prefix + crypter.encrypt_at_time(body, sent_at)


class JsonRedisChannelLayer(RedisChannelLayer):
    """What `serializer_format="json"` is in channels_redis 4.3."""

    def serialize(self, message):
        body = json.dumps(message).encode("utf-8")
        if self.crypter:
            body = self.crypter.encrypt(body)
        return random.getrandbits(96).to_bytes(12, "big") + body

    def deserialize(self, message):
        body = message[12:]
        if self.crypter:
            body = self.crypter.decrypt(body, self.expiry + 10)
        return json.loads(body)
