"""Photo sentences: what the reasons against a shop's photo, its mask or a kept product mean, and what to do about them.

Inputs: reason codes, score names, choices, cutters. Outputs: words for people. Pure: the one place where console,
gallery, reports and documentation take them from. An unknown code is said as it is, so a newer one never fails a page.
"""

from typing import NamedTuple

PHOTO_PREFIXES = ("photo.", "mask.", "core.", "kept.", "stage.", "ground.")
"""How the codes begin that speak of a shop's photo, of what was kept of it, and of the stage that it stands on."""
STAGE_PREFIX = "stage."


class PhotoSentence(NamedTuple):
    """What a code means, and what a person may do."""

    meaning: str
    remedy: str


_NEW_PHOTO = "Put another photo in the row"
_DEFECT = "Nobody can accept it; the next run composes it again, and if it comes back, report it as a defect"

PHOTO_SENTENCES = {
    "photo.missing": PhotoSentence(
        "the row has no photo for this view", "Name a photo of this view in the row, or leave the view out"
    ),
    "photo.reference": PhotoSentence(
        "the photo's reference names no place that may be read", "Correct the reference, or allow its folder or server"
    ),
    "photo.unreachable": PhotoSentence(
        "the photo's server or store did not answer", "Nothing: the next run tries it again"
    ),
    "photo.not-fetched": PhotoSentence(
        "the photo's server gave an answer that is not taken", "Correct the address, or put the file into the store"
    ),
    "photo.not-read": PhotoSentence("a dry run reads no photo that is new", "Nothing: `packshot refresh` reads it"),
    "photo.unreadable": PhotoSentence("the photo's file is damaged", "Export the photo again"),
    "photo.wrong-format": PhotoSentence(
        "the photo's file is of a kind that is not read", "Save it as JPEG, PNG, WebP, TIFF or GIF"
    ),
    "photo.polyglot": PhotoSentence("the photo's file is a second thing beside a picture", "Export the photo again"),
    "photo.animated": PhotoSentence(
        "the photo has several frames or pages", "Save the one that shows the product as a file of its own"
    ),
    "photo.too-many-bytes": PhotoSentence("the photo's file is too large", "Save the photo smaller"),
    "photo.too-large": PhotoSentence("the photo has too many pixels", "Save the photo smaller"),
    "photo.too-small": PhotoSentence(
        "the photo, or the product in it, has too few pixels", f"{_NEW_PHOTO}; a product is never enlarged"
    ),
    "photo.blurred": PhotoSentence("the product in the photo is blurred", _NEW_PHOTO),
    "photo.cropped": PhotoSentence("the photo seems to cut the product off", "Look whether the product is whole"),
    "photo.several-products": PhotoSentence(
        "the photo seems to show several products", "Look whether the SKU is all of them"
    ),
    "photo.only-text": PhotoSentence("the photo shows letters and no product", _NEW_PHOTO),
    "photo.worn": PhotoSentence("somebody seems to wear or carry the product", "Look whether a person is cut out too"),
    "mask.disagreement": PhotoSentence(
        "two cut-outs of the product differ", "Look whether a part of the product is missing"
    ),
    "mask.one-cutter": PhotoSentence(
        "no second cut-out confirms this one", "Look whether a part of the product is missing"
    ),
    "mask.area": PhotoSentence("the cut-out is very small or fills the photo", "Look whether it is the product"),
    "mask.empty": PhotoSentence("no product was found in the photo", _NEW_PHOTO),
    "mask.holes": PhotoSentence("the cut-out has large holes", "Look whether they are the product's own"),
    "mask.soft": PhotoSentence("much of the cut-out is half transparent", "Look at its edge"),
    "mask.white-on-white": PhotoSentence(
        "product and ground are alike along the outline", "Look whether the outline is right"
    ),
    "stage.missing": PhotoSentence(
        "no approved stage of the library is there for this category and size",
        "Add one and approve it (`packshot stage`), or let the recipe's rule fall back to white",
    ),
    "core.photo-differs": PhotoSentence("the kept photo has other bytes than the one that was composed", _DEFECT),
    "core.decoder-differs": PhotoSentence(
        "this machine decodes the photo to other pixels", "Let the version that composed it check it"
    ),
    "core.mask-differs": PhotoSentence("the stored mask is not the one that was used", _DEFECT),
    "core.cutout-differs": PhotoSentence("the cut-out does not have the photo's pixels", _DEFECT),
    "core.resampler-unknown": PhotoSentence("the product was scaled in a way that this version does not know", _DEFECT),
    "core.placement-differs": PhotoSentence("the recorded placement does not fit the photo", _DEFECT),
    "core.digest-differs": PhotoSentence("the product computed again is not the recorded one", _DEFECT),
    "core.size-differs": PhotoSentence("the image has another size than its recorded placement", _DEFECT),
    "core.empty": PhotoSentence("no pixel of the product is opaque, so nothing can be proven", _NEW_PHOTO),
    "core.pixels-differ": PhotoSentence("pixels of the product are not the photo's", _DEFECT),
    "stage.lost": PhotoSentence(
        "the store does not hold the stage's picture, or holds another one under its name",
        "Add the same picture again with `packshot stage add`; the next run tries it again",
    ),
    "stage.too-small": PhotoSentence(
        "the stage has fewer pixels than the image", "Add a larger picture of it, or ask for smaller images"
    ),
    "ground.pixels-differ": PhotoSentence("the ground around the product is not the one that was composed", _DEFECT),
    "ground.not-recorded": PhotoSentence("the record does not fit the mode: of the ground nothing is proven", _DEFECT),
    "ground.stage-differs": PhotoSentence("the stage, composed again, gives another ground", _DEFECT),
    "ground.shadow-unknown": PhotoSentence(
        "the shadow was drawn in a way that this version does not know", "Let the version that composed it check it"
    ),
    "core.loss-mean": PhotoSentence("the JPEG changed the product too much, on average", "Raise the finish's quality"),
    "core.loss-p99": PhotoSentence("the JPEG changed the product too much, in places", "Raise the finish's quality"),
}
"""Code -> what it means and what to do; both without a full stop."""

PHOTO_SCORE_MEANINGS = {
    "mask.agreement": "how far two cut-outs agree, 1 is all",
    "mask.area": "share of the photo that the product takes",
    "mask.holes": "share of the product that is holes",
    "mask.soft": "share of the product that is half transparent",
    "mask.faint": "share of the outline where product and ground are alike",
    "mask.frame": "share of a side of the product that lies along the photo's frame",
    "mask.parts": "separate products",
    "ground.plainness": "share of the border that has the ground's colour",
    "ground.covered": "share of the border where something stands",
    "photo.product": "pixels of the product's long side in the photo",
    "photo.side": "pixels of the photo's long side",
    "photo.blur": "sharpness of the product in the photo, 10 is sharp",
    "photo.letters": "islands as thin as letters",
    "nudity.face": "confidence in a face in the photo",
}

_MODE_WORDS = {
    "white": "the shop's product on white",
    "backdrop": "the shop's product on a photographed scene",
    "stage": "the shop's product on a scene that a model made",
    "scene": "the shop's product in a generated scene",
}
_GROUND_WORDS = {
    "white": "white ground, the product of",
    "stage": "an empty scene, with the product of",
    "scene": "a generated scene around the product of",
}
_CUTTER_WORDS = {
    "file-alpha": "the file's own transparency",
    "plain-ground": "the cutter for plain grounds",
    "u2netp": "the network u2netp",
}


def is_photo_reason(reason: str) -> bool:
    """Tell whether a reason speaks of a shop's photo or of what was kept of it."""
    return reason.startswith(PHOTO_PREFIXES)


def is_proof_reason(reason: str) -> bool:
    """Tell whether a reason says that product or ground are not what was proven: no person can accept that."""
    return reason.startswith(("core.", "ground."))


def say_photo_reason(reason: str) -> str:
    """Return what a photo's reason means; the code in plain letters where it is unknown."""
    known = PHOTO_SENTENCES.get(reason)
    return known.meaning if known else reason.replace(".", " ").replace("-", " ")


def remedy_of(reason: str) -> str:
    """Return what to do about a photo's reason; empty where nothing is known."""
    known = PHOTO_SENTENCES.get(reason)
    return known.remedy if known else ""


def say_mode(mode: str) -> str:
    """Return what an image's mode means."""
    return _MODE_WORDS.get(mode, mode.replace("-", " "))


def say_plan(mode: str, photo: str) -> str:
    """Return what will be made of a row with a photo, where others show their prompt; `photo` is what the row names."""
    return f"{_GROUND_WORDS.get(mode, f'{say_mode(mode)}, of')} {photo or 'a photo that the row does not name'}"


def say_cutter(name: str) -> str:
    """Return who cut the product out; a customer's cutter is named."""
    return _CUTTER_WORDS.get(name, name)


def say_choice(choice: str, photos: int) -> str:
    """Return why a photo was taken among so many of its row."""
    words = {
        "only-photo": "the row's only photo",
        "first-that-passes": f"the first of {photos} photos that passes",
        "least-doubtful": f"the least doubtful of {photos} photos, none of which passes",
    }
    return words.get(choice, choice.replace("-", " "))
