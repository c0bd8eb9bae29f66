"""Scores as they are measured: of a good photo, and of what is wrong with others."""

GOOD = {
    "mask.agreement": 0.99,
    "mask.area": 0.4,
    "mask.holes": 0.05,
    "mask.soft": 0.02,
    "mask.frame": 0.1,
    "mask.faint": 0.01,
    "mask.parts": 1.0,
    "mask.given": 0.0,
    "mask.flooded": 1.0,
    "ground.plainness": 0.95,
    "ground.noise": 1.0,
    "ground.covered": 0.05,
    "photo.blur": 9.0,
    "photo.side": 1200.0,
    "photo.product": 900.0,
    "photo.letters": 0.0,
}
