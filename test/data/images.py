#!/usr/bin/env python3
"""Small images of every kind and their pixels, for test/unit/test_feature_image.c.

    python3 test/data/images.py [FOLDER]      (numpy, Pillow, safetensors)

writes images.safetensors beside it: NAME.file are the bytes, NAME.pixels the colours, and NAME.grey
their brightness, as Pillow decodes them.  Where Pillow keeps 16 bits, takes inverted CMYK for
granted or does not blend, pixels are made of its numbers by the formulas of image.h.  With FOLDER,
the files are written there, whole and cut, as seeds of test/fuzz/fuzz_image.c.
"""
import io
import os
import struct
import sys
import zlib

import numpy as np
from PIL import Image, ImageOps
from safetensors.numpy import save_file

HEIGHT, WIDTH = 17, 22
cases = {}


def picture():
    """Smooth colours with some edges."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(float)
    p = np.stack([x * 255 / (WIDTH - 1), y * 255 / (HEIGHT - 1), 127 + 120 * np.sin(x / 3) * np.cos(y / 4)], axis=2)
    p[3:7, 4:9] = (250, 20, 30)
    p[10:12, :] = (0, 0, 0)
    p[13:, 15:] = 255
    return p.round().astype(np.uint8)


def blended(rgba):
    a = rgba[..., 3:].astype(np.int64)
    return ((rgba[..., :3] * a + 127) // 255 + 255 - a).astype(np.uint8)


def grey(rgb):
    return np.asarray(Image.fromarray(rgb).convert("L"))[..., None]


def stored_grey(data):
    """Brightness as a JPEG of brightness and colour differences stores it."""
    image = Image.open(io.BytesIO(data))
    image.draft("L", image.size)
    assert image.mode == "L"
    return np.asarray(ImageOps.exif_transpose(image))[..., None]


def add(name, data, pixels=None, brightness=None):
    if pixels is None:
        pixels = blended(np.asarray(Image.open(io.BytesIO(data)).convert("RGBA")))
    cases[name + ".file"] = np.frombuffer(data, np.uint8)
    cases[name + ".pixels"] = np.ascontiguousarray(pixels)
    cases[name + ".grey"] = np.ascontiguousarray(grey(pixels) if brightness is None else brightness)


# ---- PNG ----

ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def packed(rows, bits):
    """Rows of samples, every other filtered by the row above."""
    out, before = b"", None
    for i, row in enumerate(rows):
        if bits == 16:
            line = row.astype(">u2").tobytes()
        elif bits == 8:
            line = row.astype(np.uint8).tobytes()
        else:
            b = ((row.reshape(-1, 1) >> np.arange(bits)[::-1]) & 1).reshape(-1).astype(np.uint8)
            line = np.packbits(b).tobytes()
        out += bytes([2 if i % 2 and before else 0])
        out += bytes((a - b) & 255 for a, b in zip(line, before)) if i % 2 and before else line
        before = line
    return out


def png(samples, colour, bits, interlaced=False, extra=b""):
    samples = samples.reshape(samples.shape[0], samples.shape[1], SAMPLES[colour])
    h, w = samples.shape[:2]
    passes = ADAM7 if interlaced else [(0, 0, 1, 1)]
    data = b""
    for y, x, dy, dx in passes:
        part = samples[y::dy, x::dx]
        if part.size:
            data += packed(part.reshape(part.shape[0], -1), bits)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, bits, colour, 0, 0, interlaced)) +
            extra + chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b""))


def to8(samples):
    return ((samples.astype(np.int64) * 255 + 32767) // 65535).astype(np.uint8)


def png_cases():
    rgb = picture()
    g = grey(rgb)
    alpha = np.mgrid[0:HEIGHT, 0:WIDTH].sum(axis=0)[..., None].astype(np.uint8) * 7
    indices = (np.mgrid[0:HEIGHT, 0:WIDTH].sum(axis=0) % 16)
    wide = (np.arange(HEIGHT * WIDTH * 4).reshape(HEIGHT, WIDTH, 4) * 43 * 17 % 65536).astype(np.uint16)
    for interlaced in (False, True):
        tail = "_interlaced" if interlaced else ""
        add("png_rgb" + tail, png(rgb, 2, 8, interlaced))
        add("png_rgba" + tail, png(np.concatenate([rgb, alpha], axis=2), 6, 8, interlaced))
        add("png_grey" + tail, png(g, 0, 8, interlaced))
        add("png_palette4" + tail, png(indices, 3, 4, interlaced, chunk(b"PLTE", bytes(range(48, 96)))))
    add("png_grey_alpha", png(np.concatenate([g, alpha], axis=2), 4, 8))
    for bits in (1, 2, 4):
        add("png_grey%d" % bits, png(g >> (8 - bits), 0, bits), np.repeat((g >> (8 - bits)) * (255 // (2**bits - 1)), 3, axis=2))
    add("png_palette8", png(indices * 9, 3, 8, False, chunk(b"PLTE", bytes(i * 5 % 256 for i in range(768)))))
    add("png_palette_alpha", png(indices % 4, 3, 2, False, chunk(b"PLTE", bytes(range(100, 112))) + chunk(b"tRNS", bytes([0, 90, 200]))))
    key = rgb[4, 5]
    add("png_rgb_key", png(rgb, 2, 8, False, chunk(b"tRNS", struct.pack(">HHH", *key))))
    add("png_text", png(rgb, 2, 8, False, chunk(b"gAMA", struct.pack(">I", 10000)) + chunk(b"tEXt", b"Title\0none") +
                        chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1000)))), rgb)
    add("png_grey16", png(wide[..., :1], 0, 16), np.repeat(to8(wide[..., :1]), 3, axis=2))
    add("png_rgb16", png(wide[..., :3], 2, 16), to8(wide[..., :3]))
    add("png_rgba16", png(wide, 6, 16, True), blended(to8(wide)))
    add("png_1x1", png(np.array([[[1, 2, 3]]]), 2, 8))


# ---- JPEG ----

def jpeg(image, **options):
    out = io.BytesIO()
    image.save(out, "JPEG", **options)
    return out.getvalue()


def exif(data, orientation, little):
    """The file with an APP1 segment behind its SOI."""
    e = "<" if little else ">"
    tiff = (b"II*\0" if little else b"MM\0*") + struct.pack(e + "IH", 8, 2)
    tiff += struct.pack(e + "HHIHH", 0x010E, 3, 1, 7, 0) + struct.pack(e + "HHIHH", 0x0112, 3, 1, orientation, 0)
    segment = b"Exif\0\0" + tiff + struct.pack(e + "I", 0)
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + data[2:]


def rgb_of(data):
    return np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))


def inks(data, inverted):
    """Pillow takes CMYK for inverted."""
    cmyk = np.asarray(Image.open(io.BytesIO(data))).astype(np.int64)
    if not inverted:
        cmyk = 255 - cmyk
    return (((255 - cmyk[..., :3]) * (255 - cmyk[..., 3:]) + 127) // 255).astype(np.uint8)


def without(data, marker):
    at = data.index(marker)
    return data[:at] + data[at + 2 + struct.unpack(">H", data[at + 2:at + 4])[0]:]


def jpeg_cases():
    image = Image.fromarray(picture())
    for name, options in {"444": {"subsampling": 0}, "422": {"subsampling": 1}, "420": {"subsampling": 2},
                          "progressive": {"progressive": True}, "rgb": {"keep_rgb": True},
                          "restarts": {"restart_marker_blocks": 1}, "coarse": {"quality": 5}}.items():
        data = jpeg(image, **{"quality": 90, **options})
        add("jpeg_" + name, data, rgb_of(data), None if name == "rgb" else stored_grey(data))
    data = jpeg(image.convert("L"), quality=90)
    add("jpeg_grey", data, rgb_of(data))
    data = jpeg(image.convert("L"), quality=90, progressive=True)
    add("jpeg_grey_progressive", data, rgb_of(data))
    cmyk = np.concatenate([255 - picture(), grey(picture()) // 3], axis=2)
    data = jpeg(Image.fromarray(cmyk, "CMYK"), quality=90)
    adobe = data.index(b"\xff\xee")
    assert data[adobe + 4:adobe + 9] == b"Adobe" and data[adobe + 15] == 0
    add("jpeg_cmyk_inverted", data, inks(data, True))
    plain = without(data, b"\xff\xee")
    add("jpeg_cmyk", plain, inks(plain, False))
    ycck = data[:adobe + 15] + b"\2" + data[adobe + 16:]
    add("jpeg_ycck", ycck, inks(ycck, True))
    data = jpeg(image, quality=90)
    for orientation in range(1, 9):
        turned = exif(data, orientation, orientation % 2 == 0)
        add("jpeg_turned%d" % orientation, turned, rgb_of(turned), stored_grey(turned))
    add("jpeg_turned_wrong", exif(data, 9, True), rgb_of(data), stored_grey(data))
    add("jpeg_filled", data[:2] + b"\xff\xff\xff" + data[2:], rgb_of(data), stored_grey(data))


# ---- seeds ----

def seeds(folder):
    os.makedirs(folder, exist_ok=True)
    for name, data in cases.items():
        if name.endswith(".file"):
            data = data.tobytes()
            # height - 1, width - 1, channels, as fuzz_image.c has them in front
            open(os.path.join(folder, name[:-5]), "wb").write(bytes([8, 11, len(name) % 2]) + data)
            if name[:-5] in ("png_rgb", "png_rgba_interlaced", "jpeg_420", "jpeg_progressive", "jpeg_turned6"):
                for part in (1, 2, 3):
                    open(os.path.join(folder, "%s_cut%d" % (name[:-5], part)), "wb").write(
                        bytes([30, 40, part % 2]) + data[:len(data) * part // 4])
    big = jpeg(Image.fromarray(picture()), progressive=True)
    at = big.index(b"\xff\xc2")
    open(os.path.join(folder, "jpeg_claims_4000x4000"), "wb").write(
        bytes([8, 8, 0]) + big[:at + 5] + struct.pack(">HH", 4000, 4000) + big[at + 9:])
    open(os.path.join(folder, "raw"), "wb").write(bytes([2, 2, 1]) + bytes(range(9)))


png_cases()
jpeg_cases()
save_file(cases, os.path.join(os.path.dirname(os.path.abspath(__file__)), "images.safetensors"))
if len(sys.argv) > 1:
    seeds(sys.argv[1])
print("%d images" % (len(cases) // 3))
