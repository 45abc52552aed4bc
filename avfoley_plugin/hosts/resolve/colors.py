"""The marker colours of Resolve and of OpenTimelineIO."""

from __future__ import annotations

from opentimelineio.schema import MarkerColor

#: Resolve's sixteen, each as the nearest of OpenTimelineIO's.
TO_OTIO = {
    "Blue": MarkerColor.BLUE,
    "Cyan": MarkerColor.CYAN,
    "Green": MarkerColor.GREEN,
    "Yellow": MarkerColor.YELLOW,
    "Red": MarkerColor.RED,
    "Pink": MarkerColor.PINK,
    "Purple": MarkerColor.PURPLE,
    "Fuchsia": MarkerColor.MAGENTA,
    "Rose": MarkerColor.PINK,
    "Lavender": MarkerColor.PURPLE,
    "Sky": MarkerColor.CYAN,
    "Mint": MarkerColor.GREEN,
    "Lemon": MarkerColor.YELLOW,
    "Sand": MarkerColor.ORANGE,
    "Cocoa": MarkerColor.BLACK,
    "Cream": MarkerColor.WHITE,
}

#: OpenTimelineIO's eleven, each as the nearest of Resolve's.
FROM_OTIO = {
    MarkerColor.BLUE: "Blue",
    MarkerColor.CYAN: "Cyan",
    MarkerColor.GREEN: "Green",
    MarkerColor.YELLOW: "Yellow",
    MarkerColor.RED: "Red",
    MarkerColor.PINK: "Pink",
    MarkerColor.PURPLE: "Purple",
    MarkerColor.MAGENTA: "Fuchsia",
    MarkerColor.ORANGE: "Sand",
    MarkerColor.BLACK: "Cocoa",
    MarkerColor.WHITE: "Cream",
}
