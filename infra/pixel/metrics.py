"""Raw numbers about one picture: is it blank, black, blurred, noisy, on white, of which size.

Comes in: pixels (height x width x 3, RGB, 8 bits). Goes out: named floats; nothing is judged here.
Everything that describes the product is measured on the foreground only. Over the whole frame, a sharp product on
white scores like a blurred one (most of the frame is flat), and noise scores like sharpness.

`blur.foreground` is 10 / w², where w is the typical standard deviation, in pixels, of the product's edges after a
denoising of sigma 1. A Gaussian edge of deviation w has energy of curvature over energy of slope = 1 / (2 w²), so
20 x that quotient is read off two sums over the foreground, less what the measured noise adds to each. Unlike the
variance of the Laplacian alone, on whose scale it is put, it moves neither with the contrast, nor with the share of
the frame that is edge, nor with the picture's size: measured on 24 drawn products (p5/p50/p95),

                     256 px          512 px          1024 px
    sharp            8.9/10.0/11.6   8.6/10.5/12.4   8.9/ 9.7/14.3
    blurred by 1 px  4.9/ 5.1/ 5.7   4.8/ 5.5/ 6.2   4.9/ 5.2/ 6.7
    blurred by 2 px  2.0/ 2.1/ 2.3   2.0/ 2.2/ 2.4   2.0/ 2.3/ 2.6
    and noise of 5   2.0/ 2.1/ 2.3   2.0/ 2.2/ 2.5   2.1/ 2.3/ 2.6

so below 4 is blurred, 4 to 7 is for a person, from 7 is sharp, whatever the size.
"""

import cv2
import numpy as np
import numpy.typing as npt

from infra.interfaces import Pixels

MEASURED_SIDE = 1024
"""Larger pictures are reduced to this long side before measuring; smaller ones are measured as they are."""

_Grey = npt.NDArray[np.uint8]

_THUMBNAIL = 128
_UNLIKE_BACKGROUND = 12
_BAND = np.ones((9, 9), np.uint8)
_BLUR_SCALE = 20.0
_WHITE_ENOUGH = 250
_RING_SHARE = 0.02

_NOISE_KERNEL = np.outer([1, -2, 1], [1, -2, 1]).astype(np.float32)
_NOISE_SHARE = 0.25
_NOISE_GAIN = 6 * 0.3186
"""Immerkaer 1996: the kernel multiplies sigma by 6; a quarter of a Gaussian lies within 0.3186 sigma of its middle.

The lower quarter and not the mean or the median, because print and texture lift the larger responses: on a finely
printed 64 px product without noise the median reads 2.9 grey levels, the quarter 0.3.
"""

_NOISE_SUBTRACTED = 4.0
"""More than this is texture as likely as noise: it has its own number, and must not erase a knitted product."""


def measure_pixels(pixels: Pixels) -> dict[str, float]:
    """Return what is measured on a picture of at least 3 x 3 pixels.

    `blank.range` (grey, 99th less 1st percentile), `blank.foreground` (share 0..1 unlike the border's median),
    `black.mean` and `black.deviation` (grey), `blur.foreground` (see above: higher is sharper), `noise.foreground`
    (sigma in grey levels), `background.white` (see `background_white`), `size.width`, `size.height` (pixels).
    """
    height, width = pixels.shape[:2]
    small = _reduced(pixels, MEASURED_SIDE)
    grey: _Grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    mean, deviation = cv2.meanStdDev(grey)
    low, high = _quantiles(grey, None, (0.01, 0.99))
    mask, share = _foreground(small)
    noise = _noise(grey, mask)
    return {
        "blank.range": float(round(high) - round(low)),
        "blank.foreground": share,
        "black.mean": float(mean[0, 0]),
        "black.deviation": float(deviation[0, 0]),
        "blur.foreground": _sharpness(grey, mask, noise),
        "noise.foreground": noise,
        "background.white": background_white(pixels),
        "size.width": float(width),
        "size.height": float(height),
    }


def background_white(pixels: Pixels) -> float:
    """Return the share (0..1) of the border ring whose every channel is 250 or more.

    The ring is 2 % of the short side wide, at least one pixel: room for the rounding of a JPEG, none for a product.
    """
    height, width = pixels.shape[:2]
    ring = max(1, round(_RING_SHARE * min(height, width)))
    if 2 * ring >= min(height, width):
        strips = [pixels]
    else:
        middle = pixels[ring:-ring]
        strips = [pixels[:ring], pixels[-ring:], middle[:, :ring], middle[:, -ring:]]
    white = sum(cv2.countNonZero(cv2.inRange(strip, (_WHITE_ENOUGH,) * 3, (255,) * 3)) for strip in strips)
    return float(white / sum(strip.shape[0] * strip.shape[1] for strip in strips))


def _reduced(pixels: Pixels, side: int) -> Pixels:
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return pixels
    size = (max(3, round(width * scale)), max(3, round(height * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _foreground(pixels: Pixels) -> tuple[_Grey, float]:
    """Return the foreground's mask with a band around it, and the share of the frame without the band.

    The picture's own border says what background is. Thin things (a chain) must stay, so nothing is opened; the
    averaging into a thumbnail is what keeps noise out.
    """
    thumbnail = _reduced(pixels, _THUMBNAIL)
    border = np.concatenate([thumbnail[0], thumbnail[-1], thumbnail[:, 0], thumbnail[:, -1]])
    unlike = cv2.absdiff(thumbnail, np.broadcast_to(np.median(border, axis=0).astype(np.uint8), thumbnail.shape))
    red, green, blue = cv2.split(unlike)
    inside = np.asarray(cv2.max(cv2.max(red, green), blue) > _UNLIKE_BACKGROUND, dtype=np.uint8)
    share = float(inside.mean())
    if not inside.any():
        return np.ones(pixels.shape[:2], np.uint8), share
    size = (pixels.shape[1], pixels.shape[0])
    return cv2.dilate(cv2.resize(inside, size, interpolation=cv2.INTER_NEAREST), _BAND), share


def _quantiles(grey: _Grey, mask: _Grey | None, shares: tuple[float, ...]) -> list[float]:
    """Return quantiles of 8-bit values, each of which stands for the half above and below it."""
    counts = cv2.calcHist([grey], [0], mask, [256], [0, 256]).ravel()
    below = np.concatenate([[0.0], np.cumsum(counts, dtype=np.float64)])
    edges = np.concatenate([[0.0], np.arange(255) + 0.5, [255.0]])
    return [float(np.interp(share * below[-1], below, edges)) for share in shares]


def _noise(grey: _Grey, mask: _Grey) -> float:
    ripple = cv2.convertScaleAbs(cv2.filter2D(grey, cv2.CV_16S, _NOISE_KERNEL))
    return _quantiles(ripple, mask, (_NOISE_SHARE,))[0] / _NOISE_GAIN


def _sharpness(grey: _Grey, mask: _Grey, noise: float) -> float:
    calm = cv2.GaussianBlur(grey.astype(np.float32), (5, 5), 1)
    curvature = cv2.norm(cv2.Laplacian(calm, cv2.CV_32F), cv2.NORM_L2SQR, mask)
    slope = sum(
        cv2.norm(cv2.Sobel(calm, cv2.CV_32F, *along, ksize=3, scale=1 / 8), cv2.NORM_L2SQR, mask)
        for along in ((1, 0), (0, 1))
    )
    added = cv2.countNonZero(mask) * min(noise, _NOISE_SUBTRACTED) ** 2
    curvature = max(0.0, curvature - added * _NOISE_CURVATURE)
    slope = max(slope / 10, slope - added * _NOISE_SLOPE)
    return _BLUR_SCALE * curvature / slope if slope else 0.0


def _noise_energies() -> tuple[float, float]:
    """Return what white noise of variance 1 leaves in the squared curvature and the squared slope of one pixel."""
    point = np.zeros((15, 15), np.float32)
    point[7, 7] = 1
    calm = cv2.GaussianBlur(point, (5, 5), 1)
    slopes = [cv2.Sobel(calm, cv2.CV_32F, *along, ksize=3, scale=1 / 8) for along in ((1, 0), (0, 1))]
    curvature = cv2.norm(cv2.Laplacian(calm, cv2.CV_32F), cv2.NORM_L2SQR)
    return curvature, sum(cv2.norm(slope, cv2.NORM_L2SQR) for slope in slopes)


_NOISE_CURVATURE, _NOISE_SLOPE = _noise_energies()
