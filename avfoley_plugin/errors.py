"""The errors of the host side: each says what was wrong with what, and what to do about it."""


class AVFoleyError(Exception):
    """Base of all errors with a message meant for the user."""


class TimelineError(AVFoleyError):
    """A timeline's times cannot be understood: a rate, a timecode, a range."""


class SelectionError(TimelineError):
    """A selection is malformed, or names nothing that is on the timeline."""


class HostError(AVFoleyError):
    """A timeline, or the media it names, cannot be read from or written to its host."""


class ChangedError(HostError):
    """The host's timeline changed since it was read; nothing was written."""


class EngineError(AVFoleyError):
    """The engine cannot be started or reached, or refused or failed a job."""
