"""AVFoley in Blender's video sequencer: an add-on, which `avfoley install blender` copies to where Blender looks.

Blender's Python has none of AVFoley's packages. The add-on is standard library and `bpy`; it hands the sequence as an
OpenTimelineIO document to the `avfoley` command, which runs in a process of its own, and takes what comes back apart.
"""

bl_info = {
    "name": "AVFoley",
    "description": "Foley for the selected movie strips, in sync with the picture",
    "author": "The AVFoley authors",
    "version": (0, 1, 0),
    "blender": (4, 2, 0),
    "location": "Video Sequencer > Sidebar > AVFoley",
    "category": "Sequencer",
}


def register() -> None:
    """Called by Blender when the add-on is enabled."""
    # Not at the top: outside of Blender there is no bpy, but much of the add-on does without.
    from . import interface

    interface.register()


def unregister() -> None:
    """Called by Blender when the add-on is disabled, and when it quits."""
    from . import interface

    interface.unregister()
