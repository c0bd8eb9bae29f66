"""Image files that somebody made to do harm, and files that merely went wrong: 2,500 of them, always the same.

Comes in: nothing. Goes out: (what it is, bytes). Sizes in headers are huge; the files themselves are small.
"""

import io
import struct
import zlib
from collections.abc import Iterator
from itertools import islice

import cv2
import numpy as np
from PIL import Image

from infra.imaging.codecs import PNG_END, PNG_SIGNATURE, encode_png
from infra.interfaces import Pixels

COUNT = 2500
MEBIBYTE = 1 << 20
File = tuple[str, bytes]


def chunk(name: bytes, data: bytes) -> bytes:
    """Return one chunk of a PNG."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(name)))


def png(width: int, height: int, body: bytes, *, interlaced: int = 0, extra: bytes = b"") -> bytes:
    """Return a PNG whose header says this size, whatever its body holds."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, interlaced))
    return PNG_SIGNATURE + header + extra + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def zeros(count: int) -> bytes:
    """Return a deflate stream of so many zeros (rounded up to whole MiB), a thousandth as long and quickly made."""
    packer, blocks = zlib.compressobj(9), -(-count // MEBIBYTE)
    head = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(MEBIBYTE)) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = (blocks * MEBIBYTE % 65521) << 16 | 1  # Adler-32 of nothing but zeros
    return head + block * blocks + b"\x03\0" + struct.pack(">I", checksum)


def saved(pixels: Pixels, kind: str, mode: str = "RGB", **options: object) -> bytes:
    """Return a picture as Pillow writes it."""
    target = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(target, kind, **options)
    return target.getvalue()


def picture(seed: int, size: int = 32) -> Pixels:
    """Return a small picture."""
    rng = np.random.default_rng(seed)
    return np.asarray(cv2.resize(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8), (size, size + seed % 9)), np.uint8)


def hostile_files() -> Iterator[File]:
    """Yield `COUNT` files: whole kinds first, then damaged ones of every kind."""
    yield from islice(_all(), COUNT)


def _all() -> Iterator[File]:
    yield from _odd_kinds()
    yield from _bombs()
    bases = [data for _, data in _odd_kinds() if data]
    rng = np.random.default_rng(20261123)
    while True:
        yield _damaged(bases[int(rng.integers(len(bases)))], rng)


def _odd_kinds() -> Iterator[File]:
    pixels = picture(1)
    turned = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0"
    frames = [Image.fromarray(picture(seed)) for seed in (9, 18, 27)]
    animated = io.BytesIO()
    frames[0].save(animated, "PNG", save_all=True, append_images=frames[1:], duration=50)
    yield "a PNG", encode_png(pixels)
    yield "a JPEG", saved(pixels, "JPEG")
    yield "a progressive JPEG", saved(pixels, "JPEG", progressive=True)
    yield "a CMYK JPEG", saved(pixels, "JPEG", "CMYK")
    yield "a grey JPEG", saved(pixels, "JPEG", "L")
    yield "a turned JPEG", saved(pixels, "JPEG", exif=turned)
    yield "a 16-bit PNG", cv2.imencode(".png", pixels.astype(np.uint16) * 257)[1].tobytes()
    yield "a 1-bit PNG", saved(pixels, "PNG", "1")
    yield "a palette PNG", saved(pixels, "PNG", "P")
    yield "a PNG with alpha", saved(pixels, "PNG", "RGBA")
    yield "a grey PNG with alpha", saved(pixels, "PNG", "LA")
    yield "an animated PNG", animated.getvalue()
    yield "an interlaced PNG of nothing", png(32, 32, zlib.compress(bytes(3200)), interlaced=1)
    for kind in ("GIF", "BMP", "TIFF", "WEBP", "ICO", "PPM"):
        yield f"a {kind}", saved(pixels, kind)
    yield "an SVG", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    yield "nothing", b""
    yield "zeros", bytes(5000)
    yield "a PNG's start and end", PNG_SIGNATURE + PNG_END
    yield "a JPEG's start and end", b"\xff\xd8\xff\xd9"
    yield "two JPEGs in one", saved(pixels, "JPEG") + saved(picture(2), "JPEG")
    yield "a JPEG with a PNG after it", saved(pixels, "JPEG") + encode_png(pixels) + b"\xff\xd9"
    yield "a PNG with a page after it", encode_png(pixels) + b"<html>" + PNG_END


def _bombs() -> Iterator[File]:
    small, jpeg = zlib.compress(bytes(100)), saved(picture(3), "JPEG")
    frame = next(place for place in range(len(jpeg)) if jpeg[place : place + 2] == b"\xff\xc0") + 5
    for side in (8193, 16_384, 30_000, 65_535):
        yield f"a PNG that says {side} px a side", png(side, side, small)
        yield f"a PNG of {side} x 2**20", png(side, 1 << 20, small)
        yield f"a JPEG that says {side} px", jpeg[:frame] + struct.pack(">HH", side, side) + jpeg[frame + 4 :]
        yield f"a JPEG of no height and {side} px", jpeg[:frame] + struct.pack(">HH", 0, side) + jpeg[frame + 4 :]
    for size in ((2**31 - 1, 2**31 - 1), (2**32 - 1, 1), (1, 2**32 - 1), (0, 0), (0, 9)):
        yield f"a PNG of {size}", png(*size, small)
    yield "a real bomb: 30,000 x 30,000 in 3 MB", png(30_000, 30_000, zeros(30_000 * 90_001))
    yield "as large as is read, and cut", png(8192, 8192, zeros(1 << 20))
    yield "more rows than the header says", png(32, 32, zeros(50_000_000))
    huge = chunk(b"zTXt", b"Comment\0\0" + zeros(200_000_000))
    yield "a text chunk of 200 MB", png(32, 32, zlib.compress(bytes(32 * 97)), extra=huge)
    profile = chunk(b"iCCP", b"icc\0\0" + zeros(200_000_000))
    yield "a colour profile of 200 MB", png(32, 32, zlib.compress(bytes(32 * 97)), extra=profile)
    for sides in ((30_000, 30_000), (2**31 - 1, 1), (32, 32)):
        frame_header = struct.pack(">IIIIIHHBB", 0, *sides, 0, 0, 1, 1, 0, 0)
        frames = chunk(b"acTL", struct.pack(">II", 1 << 30, 0)) + chunk(b"fcTL", frame_header)
        yield f"an animation of 2**30 frames of {sides}", png(32, 32, zlib.compress(bytes(32 * 97)), extra=frames)
    for length in (0x7FFFFFFF, 0xF200001A, 0xFFFFFFFF):
        longer = png(32, 32, zlib.compress(bytes(32 * 97))).replace(
            b"\0\0\0\x19IDAT", struct.pack(">I", length) + b"IDAT"
        )
        yield f"a chunk that says it has {length} bytes", longer
    yield "a chunk longer than the file", PNG_SIGNATURE + b"\x7f\xff\xff\xffIDAT" + PNG_END
    again = jpeg[:2] + b"\xff\xe1\xff\xff" + bytes(65_533) * 1
    yield "a JPEG of nothing but segments", again * 30 + b"\xff\xd9"
    yield "a JPEG of nothing but fill bytes", b"\xff\xd8" + b"\xff" * 1_000_000 + b"\xd9"


def _damaged(data: bytes, rng: np.random.Generator) -> File:
    how = int(rng.integers(5))
    place = int(rng.integers(len(data)))
    end = PNG_END if data.startswith(PNG_SIGNATURE) else b"\xff\xd9"
    if how == 0:
        return "cut short", data[:place]
    if how == 1:
        return "cut short, its end put back", data[:place] + end
    changed = np.frombuffer(data, np.uint8).copy()
    if how == 2:
        changed[rng.integers(len(data), size=3)] ^= rng.integers(1, 256, 3, dtype=np.uint8)
        return "three bytes changed", changed.tobytes()
    if how == 3:
        begin = min(place, max(0, len(data) - 40))
        changed[begin : begin + 32] = rng.integers(0, 256, len(changed[begin : begin + 32]), dtype=np.uint8)
        return "a part overwritten", changed.tobytes()
    return "a part twice", data[:place] + data[place // 2 :]
