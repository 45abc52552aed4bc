"""Where the mixer's sound goes, and the clock that comes back: an audio device, or none."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QIODevice
from PySide6.QtMultimedia import QAudio, QAudioDevice, QAudioFormat, QAudioSink, QMediaDevices

from avfoley_ui.playback.sound import SAMPLE_RATE

Render = Callable[[int], np.ndarray]
# Seconds of sound buffered ahead: longer than the GUI thread may ever be busy.
_AHEAD = 0.12


class Output(ABC):
    """Takes sound from the mixer as it is needed. All times are the GUI thread's."""

    @abstractmethod
    def start(self, render: Render) -> None:
        """Begins to take sound."""

    @abstractmethod
    def stop(self) -> None:
        """Ends at once, and drops what is buffered."""

    @abstractmethod
    def feed(self) -> None:
        """Takes what there is room for; to be called every few milliseconds."""

    @property
    @abstractmethod
    def buffered(self) -> int:
        """Samples taken from the mixer that are not audible yet."""


class SilentOutput(Output):
    """No device: takes sound at the pace of the clock, so that the picture plays all the same."""

    def __init__(self) -> None:
        self._render: Render | None = None
        self._began = 0.0
        self._taken = 0

    def start(self, render: Render) -> None:
        self._render, self._began, self._taken = render, time.monotonic(), 0

    def stop(self) -> None:
        self._render = None

    def feed(self) -> None:
        if self._render is None:
            return
        due = round((time.monotonic() - self._began) * SAMPLE_RATE) - self._taken
        if due > 0:
            self._render(due)
            self._taken += due

    @property
    def buffered(self) -> int:
        return 0


class DeviceOutput(Output):
    """An audio device, by QtMultimedia."""

    def __init__(self, device: QAudioDevice, form: QAudioFormat) -> None:
        self._device, self._format = device, form
        self._sink: QAudioSink | None = None
        self._stream: QIODevice | None = None
        self._render: Render | None = None

    def start(self, render: Render) -> None:
        self.stop()
        self._render = render
        self._sink = QAudioSink(self._device, self._format)
        self._sink.setBufferSize(round(_AHEAD * SAMPLE_RATE) * self._format.bytesPerFrame())
        self._stream = self._sink.start()
        self.feed()

    def stop(self) -> None:
        if self._sink is not None:
            self._sink.reset()
        self._sink = self._stream = self._render = None

    def feed(self) -> None:
        if self._sink is None or self._stream is None or self._render is None:
            return
        room = self._sink.bytesFree() // self._format.bytesPerFrame()
        if room > 0:
            self._stream.write(self._encoded(self._render(room)))

    @property
    def buffered(self) -> int:
        if self._sink is None:
            return 0
        return (self._sink.bufferSize() - self._sink.bytesFree()) // self._format.bytesPerFrame()

    def _encoded(self, block: np.ndarray) -> bytes:
        limited = np.clip(block, -1, 1)
        if self._format.sampleFormat() == QAudioFormat.SampleFormat.Int16:
            return (limited * 32_767).astype("<i2").tobytes()
        return limited.astype("<f4").tobytes()


def best_output() -> Output:
    """The system's device if it plays 48 kHz stereo, or a silent output."""
    device = QMediaDevices.defaultAudioOutput()
    if device.isNull():
        return SilentOutput()
    form = QAudioFormat()
    form.setSampleRate(SAMPLE_RATE)
    form.setChannelCount(2)
    for sample_format in (QAudioFormat.SampleFormat.Float, QAudioFormat.SampleFormat.Int16):
        form.setSampleFormat(sample_format)
        if device.isFormatSupported(form):
            probe = QAudioSink(device, form)
            if probe.error() == QAudio.Error.NoError:
                return DeviceOutput(device, form)
    return SilentOutput()
