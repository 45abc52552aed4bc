"""Media in and out: frames by timestamp, sound, Broadcast Wave, loudness."""

from avfoley_engine.media.picture import read_frames
from avfoley_engine.media.probe import probe
from avfoley_engine.media.sound import read_sound, read_sound_range

__all__ = ["probe", "read_frames", "read_sound", "read_sound_range"]
