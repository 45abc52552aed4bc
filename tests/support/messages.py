"""Requests, results and models as the protocol has them, with defaults for all that a test does not speak of."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path
from typing import Any

from avfoley_engine.protocol import (
    SAMPLE_RATE,
    CaptionRequest,
    CaptionResult,
    FileRequest,
    FoleyRequest,
    FoleyResult,
    ModelInfo,
    PictureRange,
    ProposedCaption,
    SpotRequest,
    VisualizeRequest,
    VisualizeResult,
)


def foley_request(seed: int = 0, caption: str = "", **changes: Any) -> FoleyRequest:
    """One second from words alone at 25 frames a second, by the model "fake"."""
    settings = {"picture": None, "frames": 25, "record_rate": Fraction(25), "model": "fake", **changes}
    return FoleyRequest(seed=seed, caption=caption, **settings)


def visualize_request(seed: int = 0, caption: str = "", **changes: Any) -> VisualizeRequest:
    """One second from words alone at 25 frames a second, by the model "fake"."""
    settings = {"sound": None, "frames": 25, "record_rate": Fraction(25), "model": "fake", **changes}
    return VisualizeRequest(seed=seed, caption=caption, **settings)


def caption_request(picture: PictureRange | None = None, **changes: Any) -> CaptionRequest:
    """What one second at 25 frames a second should sound like, by the model "fake"."""
    picture = picture or PictureRange(media=Path("/edit/a.mov"), source_start=Fraction(0), source_rate=Fraction(25))
    settings = {"frames": 25, "record_rate": Fraction(25), "model": "fake", **changes}
    return CaptionRequest(picture=picture, **settings)


def spot_request(picture: PictureRange | None = None, **changes: Any) -> SpotRequest:
    """When one second at 25 frames a second begins to sound, by the model "fake"."""
    picture = picture or PictureRange(media=Path("/edit/a.mov"), source_start=Fraction(0), source_rate=Fraction(25))
    settings = {"frames": 25, "record_rate": Fraction(25), "model": "fake", **changes}
    return SpotRequest(picture=picture, **settings)


def foley_result(request: FoleyRequest | None = None, **changes: Any) -> FoleyResult:
    """What the engine reports of a request that went well: all handles given, no onsets found.

    The samples follow from the request's frames, and the hash from the file, if `path` names one.
    """
    request = request or foley_request()
    a_frame = SAMPLE_RATE / request.record_rate
    parts = {
        "shot_samples": int(request.frames * a_frame + Fraction(1, 2)),
        "head_samples": int(request.head_handle * a_frame + Fraction(1, 2)),
        "tail_samples": int(request.tail_handle * a_frame + Fraction(1, 2)),
    }
    parts |= {name: changes[name] for name in parts if name in changes}
    sound = {
        "path": Path("/cache/take.wav"),
        "samples": sum(parts.values()),
        "channels": request.channels,
        "peak_dbtp": -1.5,
        "loudness_lufs": -23.0,
        "onsets": [],
    }
    return FoleyResult(**_completed(request, {**parts, **sound, **changes}))


def visualize_result(request: VisualizeRequest | None = None, **changes: Any) -> VisualizeResult:
    """What the engine reports of a request that went well. The hash follows from the file, if `path` names one."""
    request = request or visualize_request()
    picture = {
        "path": Path(f"/cache/take{request.suffix}"),
        "frames": request.frames,
        "rate": request.record_rate,
        "width": 512,
        "height": 288,
        "codec": request.codec,
        "upsampling": "interpolation",
    }
    return VisualizeResult(**_completed(request, {**picture, **changes}))


def caption_result(*texts: str, **changes: Any) -> CaptionResult:
    """Captions that the model "fake" holds for equally likely."""
    about = {"model": "fake", "revision": "r1", "seed": 0, "seconds": 1.0, **changes}
    return CaptionResult(proposals=[ProposedCaption(text=text, confidence=0.5) for text in texts], **about)


def _completed(request: FileRequest, own: dict[str, Any]) -> dict[str, Any]:
    path = own["path"]
    return {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "0" * 64,
        "model": request.model,
        "revision": "r1",
        "seed": request.seed,
        "caption": request.caption,
        "negative_caption": request.negative_caption,
        "steps": request.steps or 25,
        "guidance_scale": 3.5 if request.guidance_scale is None else request.guidance_scale,
        "seconds": 1.0,
        **own,
    }


def model_info(name: str = "avlink-nano", *tasks: str, **changes: Any) -> ModelInfo:
    """A model that is on this machine, and makes foley unless `tasks` say what it does."""
    about = {
        "title": name,
        "revision": "r1",
        "licence": "Apache-2.0",
        "size_bytes": 0,
        "local": True,
        "sample_rate": SAMPLE_RATE,
        "window_seconds": Fraction(129, 25),
        "default_steps": 25,
        "default_guidance_scale": 4.0,
    }
    return ModelInfo(name=name, tasks=list(tasks or ("foley",)), **{**about, **changes})
