"""Writes resample.json: what Pillow makes of synthetic images, for the tests of apps/cli/src/data.

Made with Pillow 9.4.0 (Debian 12's python3-pil, libjpeg-turbo 2.1.5) and Python 3.11. To make it again:

    apt-get install python3-pil
    /usr/bin/python3 apps/cli/test/data/golden/resample.py

The sizing and cropping rules are torchvision's documented ones, for Resize(int) and CenterCrop, in Python's arithmetic.
"""

import base64
import io
import json
import pathlib

import PIL
from PIL import Image


def pixel(x, y, channel):
    """Edges, gradients and fine texture; the test computes the same."""
    return (x * x * 3 + x * y * 5 + y * 11 + channel * 67) % 256


def synthetic(width, height):
    data = bytes(pixel(x, y, c) for y in range(height) for x in range(width) for c in range(3))
    return Image.frombytes("RGB", (width, height), data)


def smooth(width, height):
    """An image that survives JPEG."""
    data = bytes(
        (x * 2 + y * (c + 1) + (64 if (x // 9 + y // 7) % 2 else 0)) % 256
        for y in range(height)
        for x in range(width)
        for c in range(3)
    )
    return Image.frombytes("RGB", (width, height), data)


def stored(image):
    return {
        "width": image.width,
        "height": image.height,
        "pixels": base64.b64encode(image.tobytes()).decode(),
    }


def resized_size(width, height, size):
    short, long = sorted((width, height))
    longer = int(size * long / short)
    return (size, longer) if width <= height else (longer, size)


def crop_offset(length, crop):
    return int(round((length - crop) / 2.0))


def evaluated(image, resize, size):
    image = image.resize(resized_size(*image.size, resize), Image.Resampling.BILINEAR)
    left, top = crop_offset(image.width, size), crop_offset(image.height, size)
    return image.crop((left, top, left + size, top + size))


source = synthetic(37, 53)
jpeg = io.BytesIO()
exif = Image.Exif()
exif[0x0112] = 6  # orientation: to be shown rotated by 90 degrees, which torchvision's loader does not do
smooth(93, 70).save(jpeg, "JPEG", quality=85, exif=exif)
photo = Image.open(jpeg)
inks = io.BytesIO()
Image.frombytes("CMYK", (16, 12), bytes((i * 37 + i // 5) % 256 for i in range(16 * 12 * 4))).save(inks, "JPEG")

golden = {
    "pillow": PIL.__version__,
    "grey": stored(source.convert("L")),
    "resampled": {
        f"{width}x{height}": stored(source.resize((width, height), Image.Resampling.BILINEAR))
        for width, height in [(24, 34), (20, 53), (37, 20), (50, 72), (36, 54), (5, 7), (1, 1)]
    },
    "resampledGrey": stored(source.convert("L").resize((19, 28), Image.Resampling.BILINEAR)),
    "sizes": {
        f"{width}x{height} to {size}": "{}x{}".format(*resized_size(width, height, size))
        for width, height, size in [(500, 375, 256), (375, 500, 256), (37, 53, 32), (100, 100, 73), (1000, 3, 28)]
    },
    "cropOffsets": {
        f"{length} to {crop}": crop_offset(length, crop)
        for length, crop in [(256, 224), (341, 224), (343, 224), (29, 28), (31, 28), (33, 28), (28, 28)]
    },
    "jpeg": base64.b64encode(jpeg.getvalue()).decode(),
    "jpegDecoded": stored(photo.convert("RGB")),
    "cmykJpeg": base64.b64encode(inks.getvalue()).decode(),
    "cmykJpegDecoded": stored(Image.open(inks).convert("RGB")),
    "jpegEvaluated64": stored(evaluated(photo.convert("RGB"), 73, 64)),
    "jpegEvaluated28Grey": stored(evaluated(photo.convert("L"), 28, 28)),
}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(golden, indent=2) + "\n")
