"""The engine's tasks that the panel offers. Any other is named, and left alone."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QCoreApplication

from avfoley_plugin.settings import FoleySettings, VisualizeSettings
from avfoley_plugin.workspace import ListedShot, ListedTake, Settings

translate = QCoreApplication.translate


@dataclass(frozen=True)
class Task:
    """makes: what its takes are. settings: what a take of it is requested with.

    from_sounds: whether it works on sounds, too, and not on shots alone. The others are its texts.
    """

    makes: Literal["sound", "picture"]
    settings: type[Settings]
    from_sounds: bool
    button: Callable[[], str]
    description: Callable[[], str]
    caption_hint: Callable[[], str]
    negative_hint: Callable[[], str]
    no_takes: Callable[[], str]

    def applies_to(self, shot: ListedShot) -> bool:
        return self.from_sounds or not shot.is_sound


TASKS = {
    "foley": Task(
        makes="sound",
        settings=FoleySettings,
        from_sounds=False,
        button=lambda: translate("Task", "Generate"),
        description=lambda: translate("Task", "foley for a picture"),
        caption_hint=lambda: translate("Task", "Describe the sound, e.g. boots on gravel"),
        negative_hint=lambda: translate("Task", "Sounds to avoid, e.g. music"),
        no_takes=lambda: translate("Task", "No takes yet. Write a caption and press Generate."),
    ),
    "visualize": Task(
        makes="picture",
        settings=VisualizeSettings,
        from_sounds=True,
        button=lambda: translate("Task", "Visualize"),
        description=lambda: translate("Task", "picture for a sound"),
        caption_hint=lambda: translate("Task", "Describe the picture, e.g. a bell in a tower"),
        negative_hint=lambda: translate("Task", "Things to avoid in the picture"),
        no_takes=lambda: translate("Task", "No picture yet. Press Visualize."),
    ),
}


def supported(tasks: Collection[str]) -> list[Task]:
    """Those of an engine's or a model's tasks that the panel offers."""
    return [task for name, task in TASKS.items() if name in tasks]


def describe(tasks: Collection[str]) -> str:
    """What a model does, in words."""
    unknown = translate("Task", "{0} (not supported by this panel)")
    known = {name: task.description() for name, task in TASKS.items()}
    known["spot"] = translate("Task", "events in a picture")
    return ", ".join(known.get(name) or unknown.format(name) for name in tasks)


def task_of(take: ListedTake | None) -> Task | None:
    """The task that made a take; None if the panel does not offer it."""
    return next((task for task in TASKS.values() if take and type(take.settings) is task.settings), None)


def first_task(shots: Collection[ListedShot]) -> Task:
    """The first task that applies to one of these shots at least."""
    return next(task for task in TASKS.values() if not shots or any(map(task.applies_to, shots)))
