"""Ed25519 (RFC 8032, section 5.1.7) and RSA with SHA-256 (RFC 8017, section 8.2.2)."""

import functools, hashlib

from findings import Wrong

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


# Points of the curve are in extended coordinates: (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z.

def point_add(a, b):
    s, t = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    u, v = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = t - s, v - u, v + u, t + s
    return e * f % P, g * h % P, f * g % P, e * h % P


@functools.lru_cache(maxsize=64)
def doublings(point):
    """The point times 1, 2, 4, …, 2^255; kept, as few keys sign much."""
    points = [point]
    for _ in range(255):
        points.append(point_add(points[-1], points[-1]))
    return points


def point_mul(scalar, point):
    parts = (part for bit, part in enumerate(doublings(point)) if scalar >> bit & 1)
    return functools.reduce(point_add, parts, (0, 1, 1, 0))


def point_read(data):
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        raise Wrong("not a point of the curve")
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


def point_write(point):
    inverse = pow(point[2], -1, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE = point_read((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def is_small(point):
    """One of the eight points of small order, of which a signature says nothing."""
    for _ in range(3):
        point = point_add(point, point)
    return point[0] % P == 0 and (point[1] - point[2]) % P == 0


@functools.lru_cache(maxsize=4096)
def ed25519_holds(key, message, signature):
    if len(key) != 32 or len(signature) != 64:
        return False
    s = int.from_bytes(signature[32:], "little")
    x, y, z, t = point_read(key)
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % ORDER
    expected = point_add(point_mul(s, BASE), point_mul(k, (P - x, y, z, P - t)))
    return (s < ORDER and point_write(expected) == signature[:32]
            and not is_small(expected) and not is_small((x, y, z, t)))


def rsa_holds(key, message, signature):
    """By a key of 2048 bits or more, as its DER `RSAPublicKey`."""
    def integer(data):  # one DER integer, and what follows it
        length, at = data[1], 2
        if length > 127:
            at += length - 128
            length = int.from_bytes(data[2:at], "big")
        return int.from_bytes(data[at:at + length], "big"), data[at + length:]

    body = key[2:] if key[1] < 128 else key[2 + key[1] - 128:]  # inside the SEQUENCE
    (modulus, rest), size = integer(body), len(signature)
    exponent = integer(rest)[0]
    digest = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(message).digest()
    padded = b"\0\1" + b"\xff" * (size - 3 - len(digest)) + b"\0" + digest
    number = int.from_bytes(signature, "big")
    return (modulus.bit_length() >= 2048 and size == (modulus.bit_length() + 7) // 8
            and number < modulus and pow(number, exponent, modulus).to_bytes(size, "big") == padded)
