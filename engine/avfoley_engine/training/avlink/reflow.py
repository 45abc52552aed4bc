"""AV-Link's reflow and step distillation, in both directions; see `training.reflow`.

The authors name it as the way to a faster AV-Link (Sec. 5) and leave it to others.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple, cast

import numpy as np
import torch

from avfoley_engine.errors import ModelError
from avfoley_engine.flow.path import interpolate
from avfoley_engine.models.avlink import system
from avfoley_engine.models.avlink.config import GENERATED, Direction
from avfoley_engine.models.avlink.foley import AVLinkFoley
from avfoley_engine.models.avlink.link import AVLink
from avfoley_engine.models.avlink.velocity import guided_velocity
from avfoley_engine.nn.dit import TextStates
from avfoley_engine.nn.low_rank import low_rank_state, with_low_rank
from avfoley_engine.training.avlink.options import format_for
from avfoley_engine.training.checkpoints import checkpoint_of, ema_weights
from avfoley_engine.training.dataset import CaptionStates, PairedClips
from avfoley_engine.training.loading import load_averaged, named
from avfoley_engine.training.options import Command, CommandOptions, option
from avfoley_engine.training.recipe import Objective, Recipe
from avfoley_engine.training.reflow import (
    PairsOptions,
    Reflowable,
    ReflowOptions,
    make_pairs,
    pairs_of,
    reflow_loss,
)
from avfoley_engine.training.rendering import CLIPS, SEEN
from avfoley_engine.training.shards import codec_identity, codec_state


class Condition(NamedTuple):
    """The conditioning modality at its flow time, the captions, and the event features of a video."""

    other: torch.Tensor
    text: TextStates
    event_features: torch.Tensor | None


class ReflowableLink(Reflowable):
    """A linked model as the teacher; the student begins as the same link."""

    def __init__(
        self,
        teacher: AVLinkFoley,
        data: PairedClips,
        direction: Direction,
        scale: float,
        rank: int | None = None,
    ) -> None:
        self.foley, self.paired, self.direction, self.scale = teacher, data, direction, scale
        self.revision, self.device, self.clips = teacher.revision, teacher.device, len(data.clips)
        self.config = teacher.link.config
        self.text = CaptionStates(teacher.text, teacher.device)
        self.link = untrained_student(teacher, direction, rank)
        self._events: dict[int, np.ndarray] = {}

    def _noise(self, size: Sequence[int], seeds: Sequence[int]) -> torch.Tensor:
        rows = [torch.randn(tuple(size), generator=torch.Generator().manual_seed(n)) for n in seeds]
        return torch.stack(rows).to(self.device)

    @torch.no_grad()
    def conditions(self, numbers: Sequence[int]) -> Condition:
        """Each clip's other modality always has the same noise, and its own caption."""
        batch = self.paired.of(numbers)
        assert batch.frames is not None
        clean = batch.frames if self.direction == "v2a" else batch.latents
        t = clean.new_full((len(clean),), self.config.conditioning_time(self.direction))
        other = interpolate(clean, self._noise(clean.shape[1:], numbers), t)
        captions = [c.caption if self.direction == "v2a" else c.video_caption for c in batch.clips]
        return Condition(other, self.text(captions), self._event_features(numbers, other, batch.motion))

    def _event_features(
        self, numbers: Sequence[int], frames: torch.Tensor, motion: torch.Tensor | None
    ) -> torch.Tensor | None:
        """The event stem is frozen: what it sees in a clip is kept, in half precision."""
        stem = self.foley.link.video.events
        if self.direction == "a2v" or stem is None:
            return None
        missing = [row for row, n in enumerate(numbers) if n not in self._events]
        if missing:
            moved = None if motion is None else motion[missing]
            for row, features in zip(missing, stem.extract(frames[missing], moved), strict=True):
                self._events[numbers[row]] = features.half().cpu().numpy()
        known = np.stack([self._events[n] for n in numbers])
        return torch.from_numpy(known).to(self.device).type_as(frames)

    def data(self, numbers: Sequence[int]) -> torch.Tensor:
        """Their latents, or their frames."""
        batch = self.paired.of(numbers, picture=self.direction == "a2v")
        return batch.latents if self.direction == "v2a" else cast(torch.Tensor, batch.frames)

    def noise(self, seeds: Sequence[int]) -> torch.Tensor:
        """As the samplers draw it, at their temperature."""
        video = self.config.video
        sizes = {
            "audio": (self.config.window_latents, self.config.audio.latent_width),
            "video": (video.frames, video.height, video.width, 3),
        }
        return self.config.temperature * self._noise(sizes[GENERATED[self.direction]], seeds)

    def teacher(self, x: torch.Tensor, t: torch.Tensor, conditions: Condition) -> torch.Tensor:
        """The guided velocity of the teacher, against no caption."""
        return self._velocity(self.foley.link, x, t, conditions)

    def student(self, x: torch.Tensor, t: torch.Tensor, conditions: Condition) -> torch.Tensor:
        """The velocity of the student's link, in one evaluation."""
        return self._velocity(self.link, x, t, conditions)

    def _velocity(self, link: AVLink, x: torch.Tensor, t: torch.Tensor, given: Condition) -> torch.Tensor:
        nothing = given.text.drop(torch.ones(len(x), dtype=torch.bool, device=x.device))
        return guided_velocity(
            link, self.direction, x, t, given.other, given.text, nothing, self.scale, given.event_features
        )


def untrained_student(teacher: AVLinkFoley, direction: Direction, rank: int | None) -> AVLink:
    """A copy of the teacher's link, with guidance inside from now on.

    What learns, or its low-rank changes: the fusion blocks of the direction and the backbone of what
    it generates.
    """
    link = deepcopy(teacher.link)
    link.config = replace(link.config, guided=True)
    for module in (link.get_submodule(GENERATED[direction]), link.fusion_of(direction)):
        module.requires_grad_(True)
        if rank is not None:
            with_low_rank(module, rank)
    if link.video.events is not None:
        link.video.events.requires_grad_(False)
    return link


@dataclass(frozen=True, kw_only=True)
class _Taught:
    """Who teaches which direction, on which clips."""

    teacher: str = option("avlink-nano", "AV-Link model, name or folder, that is the teacher")
    direction: Literal["v2a", "a2v"] = option("v2a", "what is made from what")
    data: Path | None = option(None, "folder of shards (default: the runs' world and physics, or plain for a2v)")
    scale: float | None = option(None, "guidance scale of the teacher (default: the model's own)")

    def reflowable(self, runs: Path, device: torch.device, rank: int | None = None) -> ReflowableLink:
        """The teacher and its clips. Raises ModelError if either cannot be used."""
        foley = system.load(named(self.teacher), device)
        if self.direction not in foley.link.directions:
            raise ModelError(f"{self.teacher} has no fusion_{self.direction}. Choose another teacher or direction.")
        clips = SEEN if self.direction == "v2a" else (CLIPS["plain"],)
        data = PairedClips([self.data] if self.data else [runs / name for name in clips], device, mirror=False)
        data.check(format_for(foley.link.config, codec_identity(codec_state(foley.codec))))
        return ReflowableLink(foley, data, self.direction, self.scale or foley.default_guidance_scale, rank)

    def folder(self, runs: Path) -> Path:
        """That of the pairs."""
        return runs / f"pairs_{self.direction}"


@dataclass(frozen=True, kw_only=True)
class LinkPairsOptions(PairsOptions, _Taught):
    """See `make_link_pairs`."""


def make_link_pairs(options: LinkPairsOptions, device: torch.device) -> None:
    """Makes pairs with an AV-Link model, to the runs' folder `pairs_<direction>`."""
    make_pairs(options.folder(options.runs), options.reflowable(options.runs, device), options)


@dataclass(frozen=True, kw_only=True)
class LinkReflowOptions(ReflowOptions, _Taught):
    """See `training.reflow.reflow_loss`."""

    resume: str | None = option(None, "start from the student of these runs, as one-step distillation does")


def build_reflow(options: LinkReflowOptions, device: torch.device) -> Objective:
    """A student beside its teacher, on the pairs of the runs."""
    reflowable = options.reflowable(options.runs, device, options.rank)
    name = f"reflow_{options.direction}"
    if options.resume:
        reflowable.link.load_state_dict(ema_weights(checkpoint_of(Path(options.resume), name)), strict=False)
    loss = reflow_loss(reflowable, pairs_of(options.folder(options.runs), reflowable, options), options)
    return Objective(name, reflowable.link, loss, casts=True, frozen={"teacher": reflowable.foley.link})


@dataclass(frozen=True, kw_only=True)
class StudentExportOptions(CommandOptions):
    """See `export_student`."""

    out: Path = option(what="the model's folder")
    title: str = option("AV-Link nano, a few steps", "what users read")
    teacher: str = option("avlink-nano", "AV-Link model, name or folder, that was the teacher")
    direction: Literal["v2a", "a2v"] = option("v2a", "what is made from what")
    sampling_steps: int = option(4, "solver steps unless a request says otherwise")
    rank: int = option(32, "as the student was trained")


def export_student(options: StudentExportOptions, device: torch.device) -> None:
    """Writes the folder of a reflowed model; what is the teacher's is shared with it.

    Raises:
        ModelError: the run is missing, or of another rank.
    """
    entry = named(options.teacher)
    teacher = system.load(entry, "cpu")
    student = untrained_student(teacher, options.direction, options.rank)
    load_averaged(student, options.runs, f"reflow_{options.direction}", strict=False)
    link = teacher.link
    for other in set(link.fusion) - {options.direction, "joint"}:
        del link.fusion[other]
    system.save(
        options.out,
        link,
        teacher.codec,
        title=options.title,
        licence="Apache-2.0",
        steps=options.sampling_steps,
        guidance_scale=teacher.default_guidance_scale,
        upsampler=system.load_upsampler(entry) if options.direction == "a2v" else None,
        reflow=low_rank_state(student),
        lender=entry,
    )


PAIRS = Command("make the pairs that AV-Link is reflowed with", LinkPairsOptions, make_link_pairs)
REFLOW = Recipe("AV-Link's student, which goes straight", LinkReflowOptions, build_reflow)
EXPORT = Command("write the folder of a reflowed AV-Link model", StudentExportOptions, export_student)
