"""How the engine is, in one place: state, device, model, memory, and an error with its remedy."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from avfoley_ui.engine_watch import EngineView
from avfoley_ui.theme import state_colour
from avfoley_ui.widgets.parts import FactsLabel, decimal, fill, push_button


class EngineBar(QWidget):
    """One line; under it, as long as there is one, the error."""

    models_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._light = _Light()
        self.text = FactsLabel()
        self.models = push_button(self.tr("Models…"), self.models_requested)
        self.models.setFlat(True)
        self.error = QLabel(wordWrap=True)
        self.error.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.error.hide()
        line = fill(QHBoxLayout(), self._light, self.text, self.models, stretch=self.text)
        fill(QVBoxLayout(self), line, self.error, spacing=2)
        self.show_engine(EngineView())

    def show_engine(self, view: EngineView) -> None:
        state, colour = self._state(view)
        facts = [state]
        if view.device:
            facts.append({"cpu": "CPU", "cuda": "CUDA", "mps": "Metal"}.get(view.device, view.device))
        if view.model:
            facts.append(view.model)
        if view.memory_bytes:
            facts.append(size(view.memory_bytes))
        self.text.set_facts(facts)
        self.setAccessibleName(self.tr("Engine: {0}").format(", ".join(facts)))
        self._light.set_colour(colour)
        self.error.setText(view.error or "")
        self.error.setVisible(bool(view.error))
        self.models.setEnabled(bool(view.models))

    def _state(self, view: EngineView) -> tuple[str, str]:
        return {
            "starting": (self.tr("Starting the engine"), "working"),
            "idle": (self.tr("Ready"), "made"),
            "busy": (self.tr("Working"), "working"),
            "restarting": (self.tr("Engine lost; restarting"), "changed"),
            "failed": (self.tr("Engine failed"), "failed"),
            "asleep": (self.tr("Engine stopped; starts when needed"), "quiet"),
            "unreachable": (self.tr("Engine unavailable"), "failed"),
        }[view.phase]


class _Light(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self._colour = "quiet"
        self.setFixedSize(12, 12)

    def set_colour(self, name: str) -> None:
        self._colour = name
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colour = state_colour(self._colour, self.palette())
        painter.setPen(colour)
        painter.setBrush(colour)
        painter.drawEllipse(QRectF(2, 2, 8, 8))


def size(count: int) -> str:
    """Bytes as one reads them: 12.3 MB, 4.1 GB."""
    return f"{decimal(count / 1e9, 1)} GB" if count >= 1e9 else f"{decimal(count / 1e6, 1)} MB"
