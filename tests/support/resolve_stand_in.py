"""A stand-in for Resolve's scripting API, as it is documented and as others have measured it, with each of its traps.

The tests and the docs' table of hosts use it, because no Resolve can run where they do.

- `hasattr` is true for any name: an unknown one is a method that does nothing and returns None. `dir` tells the truth.
- Return values lie: whatever happened, a call that writes returns True, or None.
- `recordFrame` is absolute, marker frames and in/out points count from the timeline's start; `endFrame` is exclusive.
- What would overlap is dropped without a word. A frame has one marker at most, a second is dropped.
- `AddTrack` without options makes mono. A locked track takes and gives nothing.
- A sound imported into a project that has no media yet fixes the project's frame rate.
- On the free edition any call but `GetProductName` and `GetVersion` opens a window: here `ModalShownError`.
- An OTIO file that is not of Resolve's own shape, or names a timeline that is there already, is imported as None.
"""

# ruff: noqa: N802 (the API writes its methods like that)

from __future__ import annotations

import json
import wave
from pathlib import Path
from typing import Any

import av


class ModalShownError(BaseException):
    """A window that blocks Resolve."""


class Thing:
    """An object of the API."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *arguments: None

    def __dir__(self) -> list[str]:
        hidden = self.__dict__.get("_lacks", ())
        return [name for name in vars(type(self)) if name[0].isupper() and name not in hidden]

    def __getattribute__(self, name: str) -> Any:
        if name[0].isupper() and name in object.__getattribute__(self, "__dict__").get("_lacks", ()):
            return lambda *arguments: None
        return object.__getattribute__(self, name)


class FakeMedia(Thing):
    def __init__(self, path: str, rate: float, frames: int, start_timecode: str = "00:00:00:00") -> None:
        self._properties: dict[str, Any] = {
            "File Path": path,
            "Clip Name": Path(path).name,
            "FPS": rate,
            "Frames": str(frames),
            "Start TC": start_timecode,
        }

    def GetName(self) -> str:
        return str(self._properties["Clip Name"])

    def GetClipProperty(self, name: str | None = None) -> Any:
        return dict(self._properties) if name is None else self._properties.get(name, "")

    @property
    def _frames(self) -> int:
        return int(self._properties["Frames"])


class FakeItem(Thing):
    def __init__(
        self, media: FakeMedia | None, start: int, frames: int, left: int = 0, name: str = "", speed: float = 1
    ) -> None:
        self._media, self._start, self._frames, self._left = media, start, frames, left
        self._name = name or (media.GetName() if media else "Title")
        self._speed, self._color, self._enabled = speed, "", True
        self._takes: list[dict[str, Any]] = []
        self._selected = 0
        self._place: list[Any] | None = None

    def GetName(self) -> str:
        return self._name

    def GetStart(self) -> int:
        return self._start

    def GetEnd(self) -> int:
        return self._start + self._frames

    def GetDuration(self) -> int:
        return self._frames

    def GetLeftOffset(self) -> int:
        return self._left

    def GetSourceStartFrame(self) -> int:
        return max(0, self._left - 1)

    def GetSourceEndFrame(self) -> int:
        return self._left + round(self._frames * self._speed)

    def GetTrackTypeAndIndex(self) -> list[Any] | None:
        return self._place

    def GetClipColor(self) -> str:
        return self._color

    def GetClipEnabled(self) -> bool:
        return self._enabled

    def GetMediaPoolItem(self) -> FakeMedia | None:
        return self._media

    def AddTake(self, media: FakeMedia, start: int = 0, end: int | None = None) -> None:
        if not self._takes:
            # The item's own media becomes the first take.
            self._takes.append(
                {"startFrame": self._left, "endFrame": self._left + self._frames, "mediaPoolItem": self._media}
            )
            self._selected = 1
        self._takes.append({"startFrame": start, "endFrame": end or media._frames, "mediaPoolItem": media})

    def GetTakesCount(self) -> int:
        return len(self._takes)

    def GetTakeByIndex(self, index: int) -> dict[str, Any] | None:
        return self._takes[index - 1] if 0 < index <= len(self._takes) else None

    def GetSelectedTakeIndex(self) -> int:
        return self._selected

    def SelectTakeByIndex(self, index: int) -> bool:
        if 0 < index <= len(self._takes):
            self._selected = index
            take = self._takes[index - 1]
            self._media, self._left = take["mediaPoolItem"], take["startFrame"]
        return True


class FakeTrack:
    def __init__(self, name: str, kind: str = "") -> None:
        self.name, self.kind, self.enabled, self.locked = name, kind, True, False
        self.items: list[FakeItem] = []


class FakeTimeline(Thing):
    def __init__(self, name: str, rate: str, start: int) -> None:
        self._name, self._rate, self._start = name, rate, start
        self._tracks: dict[str, list[FakeTrack]] = {"video": [FakeTrack("Video 1")], "audio": [FakeTrack("Audio 1")]}
        self._markers: dict[int, dict[str, Any]] = {}
        self._marks: dict[str, Any] = {}
        self._selected: list[FakeItem] = []
        self._current: FakeItem | None = None
        self._lacks: set[str] = set()

    def GetName(self) -> str:
        return self._name

    def GetStartFrame(self) -> int:
        return self._start

    def GetSetting(self, name: str) -> str:
        return self._rate if name == "timelineFrameRate" else ""

    def GetTrackCount(self, kind: str) -> int:
        return len(self._tracks[kind])

    def GetTrackName(self, kind: str, index: int) -> str:
        return self._tracks[kind][index - 1].name

    def SetTrackName(self, kind: str, index: int, name: str) -> bool:
        self._tracks[kind][index - 1].name = name
        return False

    def GetIsTrackEnabled(self, kind: str, index: int) -> bool:
        return self._tracks[kind][index - 1].enabled

    def GetItemListInTrack(self, kind: str, index: int) -> list[FakeItem]:
        return list(self._tracks[kind][index - 1].items)

    def AddTrack(self, kind: str, options: Any = None) -> bool:
        if options is not None and not isinstance(options, dict):
            return True
        sort = (options or {}).get("audioType", "mono") if kind == "audio" else ""
        self._tracks[kind].append(FakeTrack(f"{kind.title()} {len(self._tracks[kind]) + 1}", sort))
        return True

    def DeleteTrack(self, kind: str, index: int) -> bool:
        del self._tracks[kind][index - 1]
        return True

    def DeleteClips(self, items: list[FakeItem], ripple: bool = False) -> bool:
        for tracks in self._tracks.values():
            for track in tracks:
                for item in [item for item in track.items if item in items and not track.locked]:
                    track.items.remove(item)
                    if ripple:
                        for later in track.items:
                            later._start -= item._frames if later._start > item._start else 0
        return True

    def GetMarkers(self) -> dict[float, dict[str, Any]]:
        return {float(frame): dict(marker) for frame, marker in self._markers.items()}

    def AddMarker(self, frame: int, color: str, name: str, note: str, duration: int, custom_data: str = "") -> bool:
        if frame not in self._markers and 0 <= frame < 3600 * 24:
            self._markers[frame] = {
                "color": color, "name": name, "note": note, "duration": float(duration), "customData": custom_data
            }  # fmt: skip
        return True

    def GetMarkerByCustomData(self, custom_data: str) -> dict[str, Any]:
        return next((marker for marker in self._markers.values() if marker["customData"] == custom_data), {})

    def DeleteMarkerByCustomData(self, custom_data: str) -> bool:
        for frame in [frame for frame, marker in self._markers.items() if marker["customData"] == custom_data][:1]:
            del self._markers[frame]
        return True

    def GetMarkInOut(self) -> dict[str, Any]:
        return self._marks

    def GetSelectedClips(self) -> list[FakeItem]:
        self._tell_places()
        return self._selected

    def GetCurrentVideoItem(self) -> FakeItem | None:
        self._tell_places()
        return self._current

    def _tell_places(self) -> None:
        for kind, tracks in self._tracks.items():
            for index, track in enumerate(tracks, 1):
                for item in track.items:
                    item._place = [kind, index]


class FakeFolder(Thing):
    def __init__(self, name: str) -> None:
        self._name = name
        self._clips: list[FakeMedia] = []
        self._folders: list[FakeFolder] = []

    def GetName(self) -> str:
        return self._name

    def GetClipList(self) -> list[FakeMedia]:
        return list(self._clips)

    def GetSubFolderList(self) -> list[FakeFolder]:
        return list(self._folders)


class FakeMediaPool(Thing):
    def __init__(self, project: FakeProject) -> None:
        self._project, self._root = project, FakeFolder("Master")
        self._folder = self._root
        self.appended: list[dict[str, Any]] = []
        self.refuses_to_import = False
        self.floors_sound = False

    def GetRootFolder(self) -> FakeFolder:
        return self._root

    def GetCurrentFolder(self) -> FakeFolder:
        return self._folder

    def SetCurrentFolder(self, folder: FakeFolder) -> bool:
        self._folder = folder
        return True

    def AddSubFolder(self, parent: FakeFolder, name: str) -> FakeFolder:
        parent._folders.append(FakeFolder(name))
        return parent._folders[-1]

    def ImportMedia(self, paths: list[str]) -> None:
        if self.refuses_to_import:
            return
        for path in paths:
            if not (self._project._timelines or self._root._clips or self._root._folders):
                self._project._rate = "24"
            self._folder._clips.append(self._sound(path) if path.endswith(".wav") else self._film(path))

    def AppendToTimeline(self, infos: list[dict[str, Any]]) -> list[Any]:
        timeline = self._project._timelines[0]
        self.appended.extend(infos)
        for info in infos:
            track = timeline._tracks["audio" if info.get("mediaType") == 2 else "video"][info["trackIndex"] - 1]
            media, begin = info["mediaPoolItem"], info["startFrame"]
            end = min(info["endFrame"], media._frames)
            start, frames = info["recordFrame"], end - begin
            overlaps = any(item._start < start + frames and start < item.GetEnd() for item in track.items)
            if not (overlaps or track.locked or frames <= 0 or start < timeline._start):
                track.items.append(FakeItem(media, start, frames, begin))
        return [True for _ in infos]

    def ImportTimelineFromFile(self, path: str, options: dict[str, Any] | None = None) -> FakeTimeline | None:
        content = json.loads(Path(path).read_text())
        if not _is_resolve_shaped(content) or any(t._name == content["name"] for t in self._project._timelines):
            return None
        start = content["global_start_time"]
        imported = FakeTimeline(content["name"], str(start["rate"]), int(start["value"]))
        self._project._timelines.append(imported)
        return imported

    def _sound(self, path: str) -> FakeMedia:
        with wave.open(path) as file:
            frames = file.getnframes() * float(self._project._rate) / file.getframerate()
        return FakeMedia(path, float(self._project._rate), int(frames) if self.floors_sound else round(frames))

    @staticmethod
    def _film(path: str) -> FakeMedia:
        with av.open(path) as container:
            stream = container.streams.video[0]
            return FakeMedia(path, float(stream.average_rate or 0), stream.frames)


class FakeProject(Thing):
    def __init__(self, name: str, rate: str) -> None:
        self._name, self._rate = name, rate
        self._timelines: list[FakeTimeline] = []
        self._pool = FakeMediaPool(self)

    def GetName(self) -> str:
        return self._name

    def GetSetting(self, name: str) -> str:
        return self._rate if name == "timelineFrameRate" else ""

    def GetMediaPool(self) -> FakeMediaPool:
        return self._pool

    def GetCurrentTimeline(self) -> FakeTimeline | None:
        return self._timelines[0] if self._timelines else None


class FakeManager(Thing):
    def __init__(self, project: FakeProject | None) -> None:
        self._project = project

    def GetCurrentProject(self) -> FakeProject | None:
        return self._project


class FakeResolve(Thing):
    def __init__(self, project: FakeProject | None, product: str = "DaVinci Resolve Studio") -> None:
        self._project, self._product = project, product

    def GetProductName(self) -> str:
        return self._product

    def GetVersion(self) -> list[Any]:
        return [21, 0, 4, 1, ""]

    def GetProjectManager(self) -> FakeManager:
        if self._product != "DaVinci Resolve Studio":
            raise ModalShownError
        return FakeManager(self._project)


def small_project(folder: Path) -> FakeProject:
    """A project of 25 frames a second with one timeline from 01:00:00:00: two clips, one of them twice as fast, their
    sound, a title's clip over them, and markers. Its media is in `folder`.
    """
    project, start = FakeProject("sample", "25"), 3600 * 25
    timeline = FakeTimeline("sample", "25", start)
    project._timelines.append(timeline)
    media = {name: FakeMedia(str(folder / f"{name}.mov"), 25.0, 1000) for name in ("door", "fast", "insert")}
    picture, sound = timeline._tracks["video"][0], timeline._tracks["audio"][0]
    picture.items.append(FakeItem(media["door"], start, 50, left=10, name="door"))
    picture.items.append(FakeItem(media["fast"], start + 60, 40, left=100, name="fast", speed=2))
    sound.items.append(FakeItem(media["door"], start, 50, left=10, name="door"))
    timeline.AddTrack("video")
    timeline._tracks["video"][1].items.append(FakeItem(media["insert"], start + 5, 20, name="insert"))
    timeline.AddMarker(7, "Green", "fix", "too dark", 1)
    timeline.AddMarker(70, "Red", "note", "", 5)
    return project


def _is_resolve_shaped(content: dict[str, Any]) -> bool:
    def clips(node: Any) -> Any:
        for child in node.get("children") or ():
            yield from [child] if child["OTIO_SCHEMA"].startswith("Clip") else clips(child)

    if not content.get("global_start_time") or content["metadata"].get("Resolve_OTIO") is None:
        return False
    for clip in clips(content["tracks"]):
        if clip["OTIO_SCHEMA"] != "Clip.2" or list(clip["media_references"]) != ["DEFAULT_MEDIA"]:
            return False
        reference = clip["media_references"]["DEFAULT_MEDIA"]
        if reference["OTIO_SCHEMA"] == "ExternalReference.1":
            available, source = reference["available_range"], clip["source_range"]
            if not available or not source or not Path(reference["target_url"]).is_absolute():
                return False
            first, length = (available[key]["value"] / available[key]["rate"] for key in ("start_time", "duration"))
            begin, plays = (source[key]["value"] / source[key]["rate"] for key in ("start_time", "duration"))
            if begin < first - 1e-6 or begin + plays > first + length + 1e-6:
                return False
    return True
