"""The panel as a program."""

from __future__ import annotations

import gc
import signal
import sys
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QEvent, QLibraryInfo, QLocale, QObject, QTimer, QTranslator
from PySide6.QtWidgets import QApplication

from avfoley_ui import theme
from avfoley_ui.controller import Controller
from avfoley_ui.settings import PanelSettings
from avfoley_ui.window import PanelWindow

# Objects since the last collection, and collections before older objects are gone over, too.
_YOUNG, _ROUNDS = 2_000, 10
_TRANSLATIONS = Path(__file__).parent / "i18n"


def run(path: Path | None = None, output: Path | None = None) -> int:
    """Shows the panel, with a timeline or video if one is given. Returns the exit code."""
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    app.setApplicationName("AVFoley")
    app.setOrganizationName("AVFoley")
    app.setDesktopFileName("avfoley")
    translate(app, QLocale())
    settings = PanelSettings()
    theme.apply(settings.appearance)
    # Before any thread starts: afterwards none of them collects what this one built.
    spare_the_gui_thread(app)
    window = PanelWindow(Controller(), settings)
    window.show()
    if path is not None:
        window.open(path, output)
    # Python handles Ctrl-C only while it runs.
    # Closed by the event loop: a window that closes before the loop begins would not end it.
    signal.signal(signal.SIGINT, lambda *_: QTimer.singleShot(0, window.close))
    awake = QTimer()
    awake.start(300)
    awake.timeout.connect(lambda: None)
    status = app.exec()
    # While all of its parts exist: at its very end Python destroys objects in no order.
    window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    return status


def spare_the_gui_thread(app: QApplication) -> None:
    """Keeps other threads from holding up the one that draws, and from destroying its widgets.

    The garbage collector stops all threads and destroys objects in the thread that it runs in. So
    it runs in this thread only, between two events, and skips what has been loaded so far. A thread
    that computes in Python yields within half a millisecond: drawing needs Python many times a
    frame.
    """
    gc.collect()
    gc.freeze()
    gc.disable()
    if app.findChild(_Collector) is None:
        _Collector(app)
    sys.setswitchinterval(0.0005)


class _Collector(QObject):
    """Collects garbage in the GUI thread, the older the more rarely, as Python itself would."""

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._collect)
        self._timer.start(500)

    def _collect(self) -> None:
        young, middle, old = gc.get_count()
        if young > _YOUNG:
            gc.collect(0 if middle < _ROUNDS else 1 if old < _ROUNDS else 2)


def translate(app: QApplication, locale: QLocale) -> list[QTranslator]:
    """Sets the panel's language, English if there is no translation. Returns what it installed."""
    ours = QTranslator(app)
    if not ours.load(locale, "avfoley", "_", str(_TRANSLATIONS)):
        # English too: it has plurals.
        ours.load(str(_TRANSLATIONS / "avfoley_en.qm"))
    # What Qt itself says, on the buttons of its dialogs and of the keys.
    qts = QTranslator(app)
    qts.load(locale, "qtbase", "_", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath))
    installed = [translator for translator in (ours, qts) if not translator.isEmpty()]
    for translator in installed:
        app.installTranslator(translator)
    return installed
