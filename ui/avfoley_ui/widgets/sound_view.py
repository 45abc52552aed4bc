"""The current take's waveform and spectrogram over one time axis."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPalette, QResizeEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from avfoley_ui.playback.sound import SAMPLE_RATE, Sound
from avfoley_ui.theme import is_dark, state_colour
from avfoley_ui.widgets.parts import fill

# Samples behind one column of the spectrogram.
_HOP = 256


class SoundView(QWidget):
    """Times are in seconds from the shot's first frame; ``span_changed``: what is visible."""

    scrubbed = Signal(float)
    span_changed = Signal(float, float)

    def __init__(self) -> None:
        super().__init__()
        self._sound: Sound | None = None
        self.onsets: tuple[float, ...] = ()
        self._whole = 0.0, 1.0
        self.setAccessibleName(self.tr("Waveform and spectrogram"))
        self.setMinimumHeight(110)
        self._graphics = pg.GraphicsLayoutWidget()
        self._graphics.ci.layout.setContentsMargins(0, 0, 0, 0)
        self._graphics.ci.layout.setSpacing(0)
        self._graphics.setFrameShape(self._graphics.Shape.NoFrame)
        self._graphics.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._graphics.viewport().setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._wave = self._plot(0, least=-1, stretch=3)
        self._spectrum = self._plot(1, least=0, stretch=4)
        self._spectrum.setXLink(self._wave)
        self._low, self._high = pg.PlotCurveItem(), pg.PlotCurveItem()
        self._fill = pg.FillBetweenItem(self._low, self._high)
        self._image = pg.ImageItem(axisOrder="col-major")
        self._limits = [pg.InfiniteLine(0, 90), pg.InfiniteLine(0, 90)]
        self._playheads = [pg.InfiniteLine(0, 90), pg.InfiniteLine(0, 90)]
        self._onset_lines = pg.PlotDataItem(connect="pairs")
        self._wave.addItem(self._fill)
        self._spectrum.addItem(self._image)
        self._wave.addItem(self._onset_lines)
        for line in self._limits:
            self._wave.addItem(line, ignoreBounds=True)
        for plot, line in zip((self._wave, self._spectrum), self._playheads, strict=True):
            line.setZValue(10)
            plot.addItem(line, ignoreBounds=True)
        self._wave.getViewBox().sigXRangeChanged.connect(self._emit_span)
        self._graphics.scene().sigMouseClicked.connect(self._clicked)
        fill(QVBoxLayout(self), self._graphics)
        self._apply_palette()

    def set_shot(self, start: float, seconds: float, end: float) -> None:
        """Shows a shot from `start` (before 0 with handles) to `end`."""
        end = max(end, start + 1e-3)
        self._whole = start, end
        for plot in (self._wave, self._spectrum):
            plot.getViewBox().setLimits(xMin=start, xMax=end, minXRange=min(0.05, end - start))
        self._wave.setXRange(start, end, padding=0)
        for line, at in zip(self._limits, (0.0, seconds), strict=True):
            line.setValue(at)
            line.setVisible(start < 0 or end > seconds + 1e-6)
        self.set_sound(None, ())

    def set_sound(self, sound: Sound | None, onsets: tuple[float, ...]) -> None:
        """Draws a take, its onsets in seconds."""
        self._sound, self.onsets = sound, onsets
        self._draw_wave()
        if sound is None:
            self._image.clear()
        else:
            self._image.setImage(sound.spectrogram, autoLevels=False, levels=(0, 255))
            # Column n is centred on sample 256 n.
            hop = _HOP / SAMPLE_RATE
            self._image.setRect(QRectF(sound.start - hop / 2, 0, len(sound.spectrogram) * hop, 1))
        xs = np.repeat(np.array(onsets, float), 2)
        self._onset_lines.setData(xs, np.tile([-1.0, 1.0], len(onsets)))

    def zoom(self, factor: float, about: float) -> None:
        """Shows a stretch `factor` times as long, with the second `about` in its place."""
        start, end = self.span
        about = min(max(about, start), end)
        self._wave.setXRange(about + (start - about) * factor, about + (end - about) * factor, padding=0)

    def show_all(self) -> None:
        """Shows the whole shot with its handles."""
        self._wave.setXRange(*self._whole, padding=0)

    def follow(self, seconds: float) -> None:
        """Turns the page where the playhead left the stretch that is shown."""
        start, end = self.span
        if not start <= seconds <= end:
            self._wave.setXRange(seconds, seconds + end - start, padding=0)

    @property
    def span(self) -> tuple[float, float]:
        """The stretch of time that is shown."""
        start, end = self._wave.getViewBox().viewRange()[0]
        return start, end

    def set_playhead(self, seconds: float) -> None:
        for line in self._playheads:
            line.setValue(seconds)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_playheads"):
            self._apply_palette()

    def _plot(self, row: int, least: float, stretch: int) -> pg.PlotItem:
        """An empty plot from `least` to 1."""
        plot = self._graphics.addPlot(row=row, col=0)
        plot.setYRange(least, 1, padding=0)
        self._graphics.ci.layout.setRowStretchFactor(row, stretch)
        for side in ("left", "right", "top", "bottom"):
            plot.hideAxis(side)
        plot.hideButtons()
        plot.setMenuEnabled(False)
        plot.setMouseEnabled(x=True, y=False)
        plot.setContentsMargins(0, 0, 0, 0)
        plot.getViewBox().setDefaultPadding(0)
        return plot

    def _apply_palette(self) -> None:
        palette = self.palette()
        base = palette.color(QPalette.ColorRole.Base)
        self._graphics.setBackground(base)
        wave = state_colour("wave", palette)
        self._fill.setBrush(pg.mkBrush(wave))
        # Where low and high meet, in silence or close by, there is nothing to fill.
        self._fill.setPen(pg.mkPen(wave, width=1))
        self._onset_lines.setPen(pg.mkPen(state_colour("onset", palette), width=1, style=Qt.PenStyle.DashLine))
        for line in self._playheads:
            line.setPen(pg.mkPen(state_colour("playhead", palette), width=1.5))
        for line in self._limits:
            line.setPen(pg.mkPen(palette.color(QPalette.ColorRole.Mid), width=1))
        shades = ("#3b2a66", "#c0437a", "#fbc54b") if is_dark(palette) else ("#b9c6e8", "#5a4fa3", "#240d3f")
        stops = [stop.getRgb() for stop in (base, *map(QColor, shades))]
        self._image.setColorMap(pg.ColorMap(np.linspace(0, 1, 4), stops))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._draw_wave()

    def _draw_wave(self) -> None:
        """Draws the stretch that is shown, as fine as it is shown."""
        if self._sound is None:
            self._low.setData([], [])
            self._high.setData([], [])
            return
        start, end = self.span
        width = max(1, self.width())
        columns, low, high = self._sound.outline(start, end, width)
        times = start + columns / width * (end - start)
        self._low.setData(times, low / self._sound.loudest)
        self._high.setData(times, high / self._sound.loudest)

    def _emit_span(self) -> None:
        self._draw_wave()
        self.span_changed.emit(*self.span)

    def _clicked(self, event: object) -> None:
        box = self._wave.getViewBox()
        self.scrubbed.emit(box.mapSceneToView(event.scenePos()).x())  # type: ignore[attr-defined]
