"""Writes the pictures of decode_test.go and what Pillow makes of them.

    pip install pillow==9.4.0 numpy && python make.py

Each picture NAME gets an entry in pictures.json: the mode in which Pillow opens it, its size, and the SHA-256 of its
pixels in that mode (for mode "1" one byte a pixel) and after convert("RGB"). The pictures are drawn from formulas, so
they are nobody's but ours.
"""

import base64
import hashlib
import io
import json
import struct
import zlib

import numpy as np
from PIL import Image, ImageFile, ImageOps

ImageFile.MAXBLOCK = 1 << 20
rng = np.random.default_rng(7)
names = []


# Files with restart markers, which only later versions of Pillow can write; made by 13.0.0 from formulas like the others.
restarting = {
    "restart.jpg": (
        "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6jq62rZ4C8yb"
        "qmx5moq6T/2wBDARweHigjKE4rK06kbl1upKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKT/wAARCAAo"
        "ADgDASIAAhEBAxEB/8QAGQAAAwEBAQAAAAAAAAAAAAAAAAMEAgUB/8QAJhAAAQMCBQUBAQEAAAAAAAAAAQACAxEhBAUSEzFBUWFx0ZEyM//EAB"
        "kBAAMBAQEAAAAAAAAAAAAAAAIDBAEABf/EACQRAAICAQQCAQUAAAAAAAAAAAECAAMhBBESMVGx8BNxkaHR/90ABAAB/9oADAMBAAIRAxEAPwDg"
        "NiTWw+FQyJPZD4XVjlNVp//Q5LYPCa2DwqtAbalStNjcfHpMIrU7dmVoxn//0YhABzZbETBckUVIhA5ScWdLdtrbuFz2CLBO2w9z0zcK1LGf/9"
        "LjTgSyEipaOEKkRnrQIVJKLg4/H9gmwueRn//TVHEnbekWFynxRJgiq/1ZKSwrXjsxCtmf/9RjIUwMJs3hUbdTpHCYI+g5SS4A2HXuMRp//9Wl"
        "zWRMLndOgUDmue4vdaqvxf8Ae22h08+0oRUN7lCh4jx8/cn1Oo5txHQn/9ZTYuzUKwR9/wACEJsAx89GSBsT/9fcWa4YCu3L+D6mR5rhg2u3L+"
        "D6hC1aE4g+AZSmlrn/0K25rh2t/wA5a+h9Xk2dYaCO0cut1hYW88oQtXTpyA+0us06LWSJ/9FTc0w3Ajlr6H1MbmuG4DJad6D6hCo+gnuKTS1z"
        "/9LTc1wwFo5QO9B9QhCJqkG2I1dLXtP/2Q=="
    ),
    "restart_progressive.jpg": (
        "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6jq62rZ4C8yb"
        "qmx5moq6T/2wBDARweHigjKE4rK06kbl1upKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKT/wgARCAAo"
        "ADgDASIAAhEBAxEB/8QAGQAAAwEBAQAAAAAAAAAAAAAAAAIDAQQF/8QAGAEAAwEBAAAAAAAAAAAAAAAAAAIDBAH/3QAEAAT/2gAMAwEAAhADEA"
        "AAAfPejhJq61ZtROU5io+X/9BHoyTm1GLRhdWjIsC//9HWAowA/OwUysAlf//EABwQAAICAwEBAAAAAAAAAAAAAAARAQIDEBMhMf/dAAQAB//a"
        "AAgBAQABBQJCEIQifZ//0ELSEWEf/9GIELXzSP/SiBCEWEI//9OMtSMtTrUnNWI61OtTrU//xAAaEQACAwEBAAAAAAAAAAAAAAAAAQIDERIh/9"
        "0ABAAE/9oACAEDAQE/AUxM75WnW+n/0ExMss14af/RVUSVaURVRFVE/8QAHBEAAgICAwAAAAAAAAAAAAAAAAECERIhAxAi/9oACAECAQE/AY7P"
        "K60j/9BSqJYtGR//0VBULjVmCHFH/8QAGhAAAgMBAQAAAAAAAAAAAAAAAAEQIDERQf/dAAQAB//aAAgBAQAGPwK//9CvI//Rv//Spyf/08ZjMZ"
        "jMZ6Yz/8QAHRABAQACAgMBAAAAAAAAAAAAAQAQETFRIUFhgf/aAAgBAQABPyEhSmPS/Jf/0CF1qFj4mhzh/9GPCLrqQG2RXbHxf//SjldMOenr"
        "J//TgaEAEe9DEB0Qg//dAAQABP/aAAwDAQACAAMAAAAQldty/9DMCj3/0f4vQf/EABkRAQEAAwEAAAAAAAAAAAAAAAEAEBEhMf/aAAgBAwEBPx"
        "CGkIpT2v/Q6YuU8I4v/9GiRMTQv//EACARAQACAQMFAQAAAAAAAAAAAAEAESExUbFxkaHB8NH/2gAIAQIBAT8QEIlaswtUcxcTjt+z/9BsGrEh"
        "RpzHTb7zEGPuGf/RpnYZRHSe+DrE/8QAIBAAAgIBBQEBAQAAAAAAAAAAAAERITFBUWFx0aEQkf/dAAQAB//aAAgBAQABPxAeA4ThEqzQl22oFT"
        "mpaYP/0D4iNIljHHQkWR9QJb2Qm1hH/9EaKVv8k7rAZ9DRDFVJsj//0jU+tFnDAtCybY9XYou7Yt38R//TXU/FeicvivTVD0vSjYZUq5yYKl6X"
        "phqPeF6JqkreF6f/2Q=="
    ),
}


def scene(w, h, channels):
    """Waves, edges and a little noise: enough to tell one filter from another."""
    y, x = np.mgrid[0:h, 0:w]
    out = []
    for k in range(channels):
        a = 127 + 60 * np.sin(x / (7 + 3 * k) + k) + 50 * np.cos(y / (5 + 2 * k) - k) + rng.normal(0, 9, (h, w))
        a[(x + y) // 9 % 4 == k % 4] += 70
        out.append(a)
    return np.clip(np.stack(out, -1), 0, 255).astype(np.uint8)


def rgb(w=61, h=43):
    return Image.fromarray(scene(w, h, 3))


def rgba(w=61, h=43):
    return Image.fromarray(scene(w, h, 4), "RGBA")


def write(name, data):
    with open(name, "wb") as f:
        f.write(data)
    names.append(name)


def save(name, image, **options):
    image.save(name, **options)
    names.append(name)


def jpegs():
    for subsampling, label in ((0, "444"), (1, "422"), (2, "420")):
        save(f"{label}.jpg", rgb(), quality=85, subsampling=subsampling)
        save(f"{label}_progressive.jpg", rgb(), quality=85, subsampling=subsampling, progressive=True)
        save(f"{label}_narrow.jpg", rgb(3, 5), quality=85, subsampling=subsampling)
    for name, text in restarting.items():
        write(name, base64.b64decode(text))
    save("noise.jpg", Image.fromarray(rng.integers(0, 256, (33, 47, 3), dtype=np.uint8)), quality=100, subsampling=2)
    save("coarse.jpg", rgb(), quality=3)
    save("grey.jpg", rgb().convert("L"), quality=85)
    save("cmyk.jpg", Image.fromarray(scene(61, 43, 4), "CMYK"), quality=85)
    plain = io.BytesIO()
    rgb().save(plain, "JPEG", quality=85, subsampling=0)
    plain = bytearray(plain.getvalue())
    # 4:4:0 is 4:2:2 of the picture turned on its side; Pillow cannot ask for it, so a sampling byte is changed and the
    # picture is as many blocks high as it was wide.
    tall = io.BytesIO()
    rgb(48, 48).save(tall, "JPEG", quality=85, subsampling=1)
    tall = bytearray(tall.getvalue())
    at = tall.index(b"\xff\xc0")
    tall[at + 11] = 0x12
    write("440.jpg", tall)
    # Colours that say they are RGB, and ink that says it is luma and chroma: the Adobe marker decides.
    adobe = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00"
    app0 = plain.index(b"\xff\xe0")
    length = struct.unpack(">H", plain[app0 + 2 : app0 + 4])[0]
    write("adobe_rgb.jpg", plain[:app0] + adobe + b"\x00" + plain[app0 + 2 + length :])
    ink = bytearray(open("cmyk.jpg", "rb").read())
    at = ink.index(b"Adobe")
    ink[at + 11] = 2
    write("ycck.jpg", ink)
    at -= 4
    write("cmyk_unmarked.jpg", ink[:at] + ink[at + 16 :])
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        save(f"exif{orientation}.jpg", rgb(24, 16), quality=85, subsampling=0, exif=exif)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(name, depth, colour, channels, extra=b"", w=19, h=11):
    row = (w * depth * channels + 7) // 8
    raw = b"".join(b"\0" + rng.integers(0, 256, row, dtype=np.uint8).tobytes() for _ in range(h))
    head = struct.pack(">IIBBBBB", w, h, depth, colour, 0, 0, 0)
    write(name, b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b""))


def pngs():
    for depth in (1, 2, 4, 8, 16):
        png(f"grey{depth}.png", depth, 0, 1)
    png("grey8_trns.png", 8, 0, 1, chunk(b"tRNS", b"\0\1"))
    for depth in (8, 16):
        png(f"rgb{depth}.png", depth, 2, 3)
        png(f"la{depth}.png", depth, 4, 2)
        png(f"rgba{depth}.png", depth, 6, 4)
    png("rgb8_trns.png", 8, 2, 3, chunk(b"tRNS", b"\0\1\0\2\0\3"))
    colours = rng.integers(0, 256, 3 * 256, dtype=np.uint8).tobytes()
    for depth in (1, 2, 4, 8):
        png(f"p{depth}.png", depth, 3, 1, chunk(b"PLTE", colours[: 3 << depth]))
    png("p8_trns.png", 8, 3, 1, chunk(b"PLTE", colours) + chunk(b"tRNS", b"\0\x80"))
    png("p4_short.png", 4, 3, 1, chunk(b"PLTE", colours[:21]))
    pixels = scene(19, 11, 3)
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    raw = b"".join(b"\0" + row.tobytes() for x, y, dx, dy in passes for row in pixels[y::dy, x::dx])
    head = struct.pack(">IIBBBBB", 19, 11, 8, 2, 0, 0, 1)
    data = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    write("interlaced.png", b"\x89PNG\r\n\x1a\n" + data)


def others():
    save("plain.gif", rgb())
    save("grey.gif", rgb().convert("L"))
    save("transparent.gif", rgb().quantize(17), transparency=3)
    save("animated.gif", rgb(), save_all=True, append_images=[rgb()])
    small = bytearray(open("transparent.gif", "rb").read())
    small[6:10] = struct.pack("<HH", 80, 60)
    write("small_frame.gif", small)
    save("lossy.webp", rgb(), quality=60)
    save("lossy_odd.webp", rgb(7, 1), quality=60)
    save("lossy_alpha.webp", rgba(), quality=60)
    save("lossless.webp", rgb(), lossless=True)
    save("lossless_alpha.webp", rgba(), lossless=True)
    save("animated.webp", rgb(), save_all=True, append_images=[rgb()], quality=60)
    save("animated_alpha.webp", rgba(), save_all=True, append_images=[rgba()], quality=60)
    for mode in ("RGB", "L", "P", "1", "RGBA"):
        save(f"{mode.lower()}.bmp", rgba().convert(mode) if mode == "RGBA" else rgb().convert(mode))
    for name, mode, compression in (
        ("none", "RGB", None),
        ("lzw", "RGB", "tiff_lzw"),
        ("deflate", "RGBA", "tiff_adobe_deflate"),
        ("packbits", "P", "packbits"),
        ("grey", "L", "tiff_lzw"),
        ("bits", "1", None),
        ("fax3", "1", "group3"),
        ("fax4", "1", "group4"),
    ):
        image = rgba() if mode == "RGBA" else rgb().convert(mode)
        save(f"{name}.tif", image, compression=compression)


def tiffs():
    """Kinds that scanners and print shops write; these were made with Pillow 13.0.0, like their sums."""
    for name, mode, compression, tags in (
        ("ink", "CMYK", "tiff_lzw", {}),
        ("ink_differences", "CMYK", "tiff_adobe_deflate", {317: 2, 278: 10}),
        ("la", "LA", "packbits", {}),
        ("la_differences", "LA", "tiff_lzw", {317: 2, 278: 7}),
        ("jpeg", "RGB", "jpeg", {278: 16}),
        ("jpeg_luma", "YCbCr", "jpeg", {278: 16}),
        ("jpeg_grey", "L", "jpeg", {278: 8}),
        ("jpeg_ink", "CMYK", "jpeg", {}),
        ("jpeg_alpha", "RGBA", "jpeg", {}),
    ):
        channels = len(Image.new(mode, (1, 1)).getbands())
        image = Image.fromarray(scene(61, 43, channels).squeeze(), None if mode == "YCbCr" else mode)
        options = {"quality": 85} if compression == "jpeg" else {}
        save(f"{name}.tif", image.convert(mode), compression=compression, tiffinfo=tags, **options)


def bmp(name, bits, compression, rows, masks=b"", palette=b"", top_down=False, gap=0, w=13, h=7):
    info = struct.pack("<IiiHHIIiiII", 40, w, -h if top_down else h, 1, bits, compression, len(rows), 0, 0, 0, 0)
    offset = 14 + len(info) + len(masks) + len(palette) + gap
    head = b"BM" + struct.pack("<IHHI", offset + len(rows), 0, 0, offset)
    write(name, head + info + masks + palette + bytes(gap) + rows)


def bmps():
    def rows(bits):
        return rng.integers(0, 256, (13 * bits + 31) // 32 * 4 * 7, dtype=np.uint8).tobytes()

    bmp("555.bmp", 16, 0, rows(16))
    bmp("565.bmp", 16, 3, rows(16), struct.pack("<III", 0xF800, 0x7E0, 0x1F))
    bmp("32.bmp", 32, 0, rows(32))
    bmp("32_fields.bmp", 32, 3, rows(32), struct.pack("<III", 0xFF0000, 0xFF00, 0xFF))
    bmp("24_top_down_gap.bmp", 24, 0, rows(24), top_down=True, gap=8)
    palette = rng.integers(0, 256, 1024, dtype=np.uint8).tobytes()
    bmp("4.bmp", 4, 0, rows(4), palette=palette[:64])
    runs = b"".join(bytes([5, y, 0, 3, 1, 2, 3, 0, 5, 200, 0, 0]) for y in range(7)) + b"\0\1"
    bmp("rle8.bmp", 8, 1, runs, palette=palette)


def digest(data):
    return hashlib.sha256(data).hexdigest()


def describe(name):
    image = Image.open(name)
    image.load()
    mode = image.mode
    if mode.startswith("I"):
        mode = "L"  # wide grey is clipped to bytes
        image = image.convert("RGB").convert("L")
    native = image if mode != "1" else image.convert("L")
    rgb = image.convert("RGB")
    if name.startswith("exif"):
        turned = ImageOps.exif_transpose(image)
        native, rgb = turned, turned.convert("RGB")
    return {"file": name, "mode": mode, "size": list(rgb.size), "native_sha256": digest(native.tobytes()), "rgb_sha256": digest(rgb.tobytes())}


jpegs()
pngs()
others()
bmps()
tiffs()
with open("pictures.json", "w") as f:
    f.write("[\n" + ",\n".join(" " + json.dumps(describe(name)) for name in names) + "\n]\n")
