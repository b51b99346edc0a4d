"""Random messages, and how to compare them exactly."""

import random
import struct

TEXTS = ["", "\0", "Grüße", "😀", "\U0010ffff", "\ufeff", "e\u0301", "__proto__", "a" * 300]
INTEGERS = [0, -1, 2**31, 2**32, 2**53 - 1, 2**53, -(2**53), 2**53 + 1, 2**63 - 1, -(2**63)]
FLOATS = [-0.0, 0.5, 0.1, 5e-324, -2.2250738585072014e-308, 1.7976931348623157e308, 1e-7]
BYTES = [b"", b"\0\xff", bytes(range(256)), bytes(70_000)]


def random_message(seed):
    generator = random.Random(seed)
    message = random_dict(generator, depth=3)
    message["type"] = "test.event"
    return message


def random_dict(generator, depth):
    count = generator.randrange(5)
    return {random_text(generator): random_value(generator, depth) for _ in range(count)}


def random_value(generator, depth):
    choices = [random_text, random_integer, random_float, random_bytes, random_constant]
    if depth > 0 and generator.random() < 0.4:
        if generator.random() < 0.5:
            return random_dict(generator, depth - 1)
        return [random_value(generator, depth - 1) for _ in range(generator.randrange(5))]
    return generator.choice(choices)(generator)


def random_text(generator):
    if generator.random() < 0.4:
        return generator.choice(TEXTS)
    points = (generator.randrange(0x110000) for _ in range(generator.randrange(8)))
    return "".join(chr(point) for point in points if not 0xD800 <= point < 0xE000)


def random_integer(generator):
    if generator.random() < 0.4:
        return generator.choice(INTEGERS)
    return generator.randrange(-(2**63), 2**63) >> generator.randrange(64)


def random_float(generator):
    """Small whole ones are left out: JavaScript doesn't tell them from integers."""
    if generator.random() < 0.4:
        return generator.choice(FLOATS)
    (value,) = struct.unpack("<d", generator.randbytes(8))
    is_finite = value - value == 0
    return value if is_finite and (abs(value) > 2**53 or not value.is_integer()) else 0.25


def random_bytes(generator):
    if generator.random() < 0.2:
        return generator.choice(BYTES)
    return generator.randbytes(generator.randrange(40))


def random_constant(generator):
    return generator.choice([None, True, False])


def difference(actual, expected):
    """Nothing when both are the same, of the same types; `repr()` tells -0.0 from 0.0."""
    same = actual == expected and canonical(actual) == canonical(expected)
    return None if same else f"{actual!r} is not {expected!r}"


def canonical(value):
    """Dicts are equal whatever their order."""
    if isinstance(value, dict):
        return sorted((key, canonical(item)) for key, item in value.items())
    if isinstance(value, list):
        return [canonical(item) for item in value]
    return repr(value)
