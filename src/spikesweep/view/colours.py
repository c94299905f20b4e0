"""Colours of maps: those of matplotlib that all people can tell apart, as a page and a terminal need them."""

from spikesweep.view.point import MEANINGS

#: Of cells without a value.
EMPTY = "#e3e3e3"
#: Of statuses, in their order: Okabe and Ito's.
_OF_STATUS = ("#e3e3e3", "#0072b2", "#cc79a7", "#d55e00", "#56b4e9", "#fafafa", "#e69f00", "#000000")
STATUS = dict(zip(MEANINGS, _OF_STATUS, strict=True))
#: Of reasons of failures, in their order.
REASONS = ("#cc79a7", "#d55e00", "#e69f00", "#f0e442", "#009e73", "#56b4e9", "#0072b2", "#000000")
#: Of lines.
LINES = ("#440154", "#3b528b", "#21918c", "#5ec962", "#c2b200", "#7f7f7f")


def rgb(colour: str) -> tuple[int, int, int]:
    """Return the parts of a colour, 0 to 255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
