"""Finds MuJoCo, an optional dependency, and makes it draw without a screen."""

from __future__ import annotations

import functools
import os
import types

from avfoley_engine.errors import ModelError


@functools.cache
def mujoco() -> types.ModuleType:
    """The package `mujoco`, drawing through OSMesa unless MUJOCO_GL is set. Raises ModelError."""
    os.environ.setdefault("MUJOCO_GL", "osmesa")
    if os.environ["MUJOCO_GL"] == "osmesa":
        os.environ.setdefault("PYOPENGL_PLATFORM", "osmesa")
        # One thread: the clips of a shard are spread over processes.
        os.environ.setdefault("LP_NUM_THREADS", "1")
    try:
        import mujoco as module
    except ImportError as error:
        raise ModelError(
            f"the world with physics needs MuJoCo, which cannot be loaded here ({error}); "
            "install the extra avfoley[train] and, on Debian, libosmesa6"
        ) from error
    # Left alone, it would write its warnings to a file in the working directory; a simulation that
    # broke down is known by its counters.
    module.set_mju_user_warning(lambda _message: None)
    return module
