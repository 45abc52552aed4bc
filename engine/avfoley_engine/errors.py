"""The errors the engine raises on purpose: each says what was wrong with which file or model, and what to do."""


class AVFoleyError(Exception):
    """Base of all errors with a message meant for the user."""


class MediaError(AVFoleyError):
    """A media file cannot be read or written."""


class ModelError(AVFoleyError):
    """A model, its weights or its configuration cannot be used."""


class JobError(AVFoleyError):
    """A job cannot be accepted, found or carried out."""


class CancelledError(AVFoleyError):
    """The user cancelled the job; raised inside the solver loop."""
