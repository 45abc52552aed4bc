"""`avfoley train`: codec, world, backbones, fusion blocks, upsampler, and the folder that ships. Every command resumes where it stopped."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from avfoley_engine.errors import ModelError
from avfoley_engine.training.trainer import TrainerConfig

if TYPE_CHECKING:
    import torch

    from avfoley_engine.models.avlink.foley import AVLinkFoley
    from avfoley_engine.models.avlink.link import AVLink
    from avfoley_engine.models.avlink.upsampler.config import UpsamplerConfig
    from avfoley_engine.training.dataset import CaptionStates, PairedClips
    from avfoley_engine.training.pictures import WorldPictures
    from avfoley_engine.zoo import Entry


def parser() -> argparse.ArgumentParser:
    """The command line of `avfoley train`."""
    top = argparse.ArgumentParser("avfoley train", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)

    def command(name: str, what: str) -> argparse.ArgumentParser:
        p = commands.add_parser(
            name, help=what, description=what, formatter_class=argparse.ArgumentDefaultsHelpFormatter
        )
        p.add_argument(
            "--runs", type=Path, default=Path("runs"), help="folder of all runs; this one's is named after the command"
        )
        p.add_argument("--device", default=None, help="cuda or cpu; the best there is by default")
        p.add_argument("--threads", type=int, default=None, help="CPU threads")
        p.add_argument("--seed", type=int, default=0)
        return p

    def trainer(p: argparse.ArgumentParser, steps: int, batch: int, learning_rate: float, ema: float) -> None:
        p.add_argument("--steps", type=int, default=steps, help="steps of the whole schedule")
        p.add_argument("--minutes", type=float, default=None, help="stop earlier, to be resumed")
        p.add_argument("--batch", type=int, default=batch)
        p.add_argument("--learning-rate", type=float, default=learning_rate)
        p.add_argument("--ema", type=float, default=ema, help="decay of the averaged weights")
        p.add_argument("--bf16", action="store_true", help="bfloat16 autocast")

    def resume(p: argparse.ArgumentParser) -> None:
        p.add_argument(
            "--resume", default=None, metavar="MODEL", help="start from this model's weights: its name or its folder"
        )

    def base(p: argparse.ArgumentParser) -> None:
        p.add_argument(
            "--base",
            default=None,
            metavar="MODEL",
            help="take what the runs do not hold from this model: its name or its folder",
        )

    def drawing(p: argparse.ArgumentParser) -> None:
        p.add_argument(
            "--drawn-steps",
            type=int,
            default=12,
            metavar="N",
            help="steps of tokens of a clip that are drawn to the end, at a random place: fewer cost less",
        )

    def style(p: argparse.ArgumentParser, what: str) -> None:
        p.add_argument("--style", choices=("footage", "plain"), default="footage", help=what)

    sounds = "folder of recorded sounds with an index.csv"
    p = command("vae", "train the 1D-VAE on recorded sounds")
    p.add_argument("--sounds", type=Path, required=True, help=sounds)
    trainer(p, 3600, 24, 2e-3, 0.999)
    p = command("grain", "train what the VAE's mels lack: the deviation of its residual")
    p.add_argument("--sounds", type=Path, required=True, help=sounds)
    trainer(p, 1500, 24, 1e-3, 0.995)
    p = command("vocoder", "train the vocoder on recorded sounds, at last against discriminators")
    p.add_argument("--sounds", type=Path, required=True, help=sounds)
    trainer(p, 6000, 6, 5e-4, 0.999)
    p.add_argument(
        "--adversarial-from", type=int, default=3000, metavar="STEP", help="reconstruction losses alone before"
    )
    p.add_argument(
        "--init", type=Path, default=None, metavar="CHECKPOINT", help="start from this run's averaged weights"
    )
    p = command("world", "render the audio-visual world to shards")
    p.add_argument("--sounds", type=Path, default=None, help=sounds + "; synthetic sounds without")
    p.add_argument("--first", type=int, default=0, help="number of the first clip")
    p.add_argument("--clips", type=int, default=8000)
    p.add_argument("--shard", type=int, default=500, help="clips a shard")
    style(
        p,
        "as footage is, or plainly, for pictures that are to be drawn: into the runs' folder `plain` instead of `world`",
    )
    base(p)
    p = command("sounds", "compose and encode clips of the labelled sounds")
    p.add_argument("--sounds", type=Path, required=True, help=sounds)
    p.add_argument("--clips", type=int, default=16_000)
    p = command("audio", "train the text-to-audio backbone, on the labelled sounds and on the sound of the world")
    trainer(p, 8000, 24, 1e-3, 0.998)
    resume(p)
    p.add_argument("--world-share", type=float, default=0.4, help="share of a batch that comes from the world")
    p.add_argument(
        "--data", type=Path, default=None, help="fine-tune on this " + sounds + ", instead of what the runs hold"
    )
    p = command("video", "train the text-to-video backbone")
    trainer(p, 8000, 12, 1e-3, 0.998)
    resume(p)
    p.add_argument(
        "--event-weight",
        type=float,
        default=1.0,
        help="weight of the event loss on its features; 0: flow matching alone",
    )
    p.add_argument("--event-share", type=float, default=0.67, help="share of a batch at the conditioning flow time")
    p = command("events", "train what sees events in nearly clean frames, beside the video backbone's frozen blocks")
    trainer(p, 8000, 16, 2e-3, 0.998)
    p.add_argument(
        "--alone",
        type=_share,
        default=0.85,
        metavar="SHARE",
        help="of the steps, in which the frozen blocks do not run: twice as fast",
    )
    base(p)
    p = command("draw", "train what draws behind the video backbone's frozen blocks, on plain clips of the world")
    trainer(p, 8000, 12, 1e-3, 0.998)
    p.add_argument("--stills", type=int, default=4, help="still pictures for every clip of a batch, 0: clips alone")
    p.add_argument("--stills-alone", action="store_true", help="leave the clips out, which take most of the time")
    drawing(p)
    base(p)
    p = command("probe", "probe the video backbone's frozen features for events")
    p.add_argument("--clips", type=int, default=400)
    p = command("fusion", "train the fusion blocks, backbones frozen")
    trainer(p, 8000, 16, 1e-3, 0.998)
    resume(p)
    p.add_argument(
        "--direction",
        choices=("v2a", "a2v", "joint"),
        default="v2a",
        help="video to audio, audio to video, or one set of blocks for both; each has a run of its own",
    )
    style(p, "which clips of the world to learn from: `plain` for pictures")
    drawing(p)
    base(p)
    p.add_argument("--checkpointing", action="store_true", help="less memory for a third more time")
    p.add_argument(
        "--onset-weight",
        type=float,
        default=0.3,
        help="weight of the onset loss near pure noise; 0: flow matching alone",
    )
    p.add_argument(
        "--caption-drop",
        type=_share,
        nargs=2,
        default=(0.5, 0.2),
        metavar=("GENERATED", "CONDITIONING"),
        help="shares of each modality's captions that are dropped (default: 0.5 0.2, as in the paper); less where there will be captions",
    )
    p = command("autoencoder", "train the upsampler's autoencoder on large pictures of the world")
    p.add_argument("--preset", choices=("nano", "paper"), default="nano", help="sizes of the upsampler")
    trainer(p, 20_000, 4, 1e-3, 0.999)
    p.add_argument("--clips", type=int, default=500, help="render so many, unless they are there")
    p = command("upsampler", "train the upsampler's flow model in the autoencoder's latents")
    trainer(p, 20_000, 4, 1e-3, 0.999)
    p.add_argument(
        "--from-video",
        default=None,
        metavar="MODEL",
        help="start from this model's video backbone, as the paper does: its name or its folder",
    )
    p.add_argument("--clips", type=int, default=500, help="render so many, unless they are there")
    p = command("videos", "cut, encode and caption videos of your own, to shards like the world's")
    p.add_argument("--videos", type=Path, required=True, help="folder of videos, or of WebDataset tar files")
    p.add_argument("--captions", type=Path, default=None, help="CSV with the columns file, caption, video_caption")
    p.add_argument(
        "--model", default=None, help="whose codec and sizes, a name or a folder (default: nano, with the runs' codec)"
    )
    p.add_argument("--first", type=int, default=0, help="number of the first video")
    p.add_argument("--count", type=int, default=None, help="how many videos (default: all the others)")
    p.add_argument("--shard", type=int, default=100, help="videos a shard")
    p = command("run", "a run from a YAML file, of either preset; under torchrun on several devices")
    p.add_argument("config", type=Path, help="see training/configs")
    p = command("new", "write the folder of an untrained model, to start from")
    p.add_argument("--preset", choices=("nano", "paper"), default="paper")
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--title", default=None, help="default: AV-Link and the preset")
    p = command("export", "write the folder of a model from the runs")
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--title", default="AV-Link nano")
    p.add_argument("--sampling-steps", type=int, default=25)
    p.add_argument("--guidance", type=float, default=5.0)
    base(p)
    p.add_argument(
        "--part",
        action="append",
        default=[],
        help="write only this part anew (audio, video, with what draws, events, fusion_v2a, fusion_a2v, fusion_joint, vae, grain, vocoder, "
        "autoencoder, upsampler)",
    )
    return top


def config(options: argparse.Namespace) -> TrainerConfig:
    return TrainerConfig(
        steps=options.steps,
        minutes=options.minutes,
        learning_rate=options.learning_rate,
        ema_decay=options.ema,
        seed=options.seed,
        bf16=options.bf16,
        warm_up=min(200, options.steps // 10 + 1),
    )


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text} is no share: it lies between 0 and 1")
    return share


#: The runs' folder for each style of the world's clips.
_CLIPS = {"footage": "world", "plain": "plain"}
#: Location and scale of the logit of the flow times that `nano` learns to draw at, before its time shift. Wider than the paper's: what all
#: frames share and what only one shows are decided far apart.
_DRAWING_TIMES = (0.0, 1.8)


def _data(
    runs: Path, device: torch.device, style: str = "footage", often: Mapping[str, float] | None = None
) -> tuple[PairedClips, CaptionStates]:
    from avfoley_engine.training.dataset import PairedClips

    # Plain clips are all filmed from one side.
    return PairedClips(runs / _CLIPS[style], device, mirror=style == "footage", often=often), _captions(device)


def _base(options: argparse.Namespace, device: torch.device) -> AVLinkFoley | None:
    return _model(options.base, device) if options.base else None


def _base_link(options: argparse.Namespace, device: torch.device) -> AVLink | None:
    base = _base(options, device)
    return base.link if base else None


def _captions(device: torch.device, encoder: Literal["minilm", "t5"] = "minilm") -> CaptionStates:
    from avfoley_engine.models.text import text_encoder
    from avfoley_engine.training.dataset import CaptionStates

    return CaptionStates(text_encoder(encoder, device), device)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one training command. Returns the exit code."""
    options = parser().parse_args(argv)
    import torch

    if options.threads:
        torch.set_num_threads(options.threads)
    device = torch.device(options.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    torch.manual_seed(options.seed)
    COMMANDS[options.command](options, device)
    return 0


def _sounds(options: argparse.Namespace) -> list:  # type: ignore[type-arg]
    from avfoley_engine.training.sounds import is_held_out, load_sounds

    return [s for s in load_sounds(options.sounds, options.runs / "cache") if not is_held_out(s.file)]


def _vae(options: argparse.Namespace, device: torch.device) -> None:
    from safetensors.torch import save_file

    from avfoley_engine.codec.audio import AudioCodec, CodecConfig
    from avfoley_engine.training.codec import train_vae

    codec = AudioCodec(CodecConfig()).to(device)
    train_vae(codec, _sounds(options), options.runs / "vae", config(options), options.batch)
    state = {f"vae.{k}": v for k, v in codec.vae.state_dict().items()}
    state |= {"latent_mean": codec.latent_mean, "latent_std": codec.latent_std}
    save_file({k: v.cpu().contiguous() for k, v in state.items()}, options.runs / "vae" / "codec.safetensors")


def _grain(options: argparse.Namespace, device: torch.device) -> None:
    from avfoley_engine.codec.grain import Grain, GrainConfig
    from avfoley_engine.training.codec import train_grain
    from avfoley_engine.training.loading import load_codec

    codec = load_codec(options.runs, device)
    if codec.grain is None:
        codec.grain = Grain(GrainConfig(), codec.config.mel.bands).to(device)
    codec.grain.requires_grad_(True)
    train_grain(codec, _sounds(options), options.runs / "grain", config(options), options.batch)


def _vocoder(options: argparse.Namespace, device: torch.device) -> None:
    from avfoley_engine.training.checkpoints import ema_weights
    from avfoley_engine.training.codec import train_vocoder
    from avfoley_engine.training.loading import load_codec

    codec = load_codec(options.runs, device)
    if options.init:
        codec.vocoder.load_state_dict(ema_weights(options.init))
    codec.vocoder.requires_grad_(True)
    train_vocoder(
        codec, _sounds(options), options.runs / "vocoder", config(options), options.batch, options.adversarial_from
    )


def _world(options: argparse.Namespace, device: torch.device) -> None:
    from avfoley_engine.models.avlink.config import NANO
    from avfoley_engine.training.loading import load_codec
    from avfoley_engine.training.rendering import render_shard
    from avfoley_engine.world import RecordedBank, SoundBank, SyntheticBank

    bank: SoundBank = RecordedBank(options.sounds, "train") if options.sounds else SyntheticBank()
    base = None if (options.runs / "vae").exists() else _base(options, device)
    codec = base.codec if base else load_codec(options.runs, device)
    for first in range(options.first, options.first + options.clips, options.shard):
        seeds = range(first, min(first + options.shard, options.first + options.clips))
        folder = options.runs / _CLIPS[options.style] / f"{first:07d}"
        render_shard(folder, codec, bank, seeds, NANO.window_latents, device=device.type, style=options.style)
        print(f"{folder}: {len(seeds)} clips", flush=True)


def _encoded(options: argparse.Namespace, device: torch.device) -> None:
    from avfoley_engine.models.avlink.config import NANO
    from avfoley_engine.training.labelled import encode_sounds
    from avfoley_engine.training.loading import load_codec

    codec = load_codec(options.runs, device)
    encode_sounds(
        options.runs / "sounds", codec, _sounds(options), options.clips, NANO.window_latents, seed=options.seed
    )


def _audio(options: argparse.Namespace, device: torch.device) -> None:
    from avfoley_engine.models.avlink.backbones import AudioDiT
    from avfoley_engine.models.avlink.config import NANO
    from avfoley_engine.training.avlink import AVLinkTraining, train_audio
    from avfoley_engine.training.dataset import PairedClips
    from avfoley_engine.training.labelled import AudioSource, LabelledClips, encode_sounds, mixed, sounds_of
    from avfoley_engine.training.loading import load_codec
    from avfoley_engine.training.sounds import index_hash, load_sounds

    base = _model(options.resume, device) if options.resume else None
    audio = base.link.audio.requires_grad_(True) if base else AudioDiT(NANO.audio).to(device)
    if options.data:
        codec = base.codec if base else load_codec(options.runs, device)
        sounds = load_sounds(options.data, options.runs / "cache")
        # Enough clips that every sound comes at several lengths and pitches, few enough to be encoded in minutes.
        clips = min(16_000, max(500, 20 * len(sounds)))
        folder = options.runs / "data" / index_hash(options.data)
        encode_sounds(folder, codec, sounds, clips, NANO.window_latents, seed=options.seed)
        data: AudioSource = LabelledClips(folder, device)
    else:
        world = sounds_of(PairedClips(options.runs / "world", device))
        data = mixed(world, LabelledClips(options.runs / "sounds", device), options.world_share)
    train_audio(
        audio, data, _captions(device), options.runs / "audio", config(options), AVLinkTraining(batch=options.batch)
    )


def _video(options: argparse.Namespace, device: torch.device) -> None:
    from avfoley_engine.models.avlink.backbones import VideoDiT
    from avfoley_engine.models.avlink.config import NANO
    from avfoley_engine.training.avlink import AVLinkTraining, VideoTraining, train_video

    data, text = _data(options.runs, device)
    training = AVLinkTraining(batch=options.batch, event_weight=options.event_weight, event_share=options.event_share)
    video = _model(options.resume, device).link.video if options.resume else VideoDiT(NANO.video)
    model = VideoTraining(video.requires_grad_(True)).to(device)
    train_video(model, data, text, options.runs / "video", config(options), training, NANO.video_time)


def _events(options: argparse.Namespace, device: torch.device) -> None:
    from avfoley_engine.training.avlink import HARD_TO_SEE, AVLinkTraining, EventTraining, train_events
    from avfoley_engine.training.loading import config_of, load_backbones, untrained_link, with_events

    data, text = _data(options.runs, device, often=HARD_TO_SEE)
    base = _base_link(options, device)
    link = untrained_link([], with_events(config_of(options.runs, base))).to(device)
    load_backbones(link, options.runs, base)
    train_events(
        EventTraining(link.video).to(device),
        data,
        text,
        options.runs / "events",
        config(options),
        AVLinkTraining(batch=options.batch),
        link.config.video_time,
        round(options.alone * options.steps),
    )


def _draw(options: argparse.Namespace, device: torch.device) -> None:
    from avfoley_engine.training.avlink import AVLinkTraining, train_drawing
    from avfoley_engine.training.loading import config_of, load_backbones, untrained_link, with_drawing

    if options.stills_alone and not options.stills:
        raise ModelError("--stills-alone with --stills 0 leaves nothing to learn from. Leave one of them out.")
    data, text = _data(options.runs, device, "plain")
    base = _base_link(options, device)
    link = untrained_link([], with_drawing(config_of(options.runs, base))).to(device)
    load_backbones(link, options.runs, base)
    training = AVLinkTraining(
        batch=options.batch,
        drawing_times=_DRAWING_TIMES,
        drawn_steps=options.drawn_steps,
        stills=options.stills,
        stills_alone=options.stills_alone,
    )
    train_drawing(link.video, data, text, options.runs / "draw", config(options), training)


def _probe(options: argparse.Namespace, device: torch.device) -> None:
    from avfoley_engine.models.avlink.config import NANO
    from avfoley_engine.training.checkpoints import checkpoint_of
    from avfoley_engine.training.dataset import PairedClips
    from avfoley_engine.training.loading import load_run, untrained_link
    from avfoley_engine.training.probe import probe

    link = untrained_link([]).to(device).eval()
    load_run(link, options.runs, "video")
    if checkpoint_of(options.runs, "events").exists():
        load_run(link, options.runs, "events")
    for row in probe(
        link.video, PairedClips(options.runs / "world", device), NANO.video_time, options.clips, seed=options.seed
    ):
        print(f"block {row.block + 1}: F1 (+-80 ms) {row.matched:.3f} matched, {row.shuffled:.3f} shuffled", flush=True)


def _videos(options: argparse.Namespace, device: torch.device) -> None:
    from avfoley_engine.models.avlink.config import NANO
    from avfoley_engine.training.loading import load_codec
    from avfoley_engine.training.videos import captions, encode_videos, videos

    model = _model(options.model, device) if options.model else None
    codec, sizes = (model.codec, model.link.config) if model else (load_codec(options.runs, device), NANO)
    found = videos(options.videos, captions(options.captions) if options.captions else {})
    last = len(found) if options.count is None else min(len(found), options.first + options.count)
    for first in range(options.first, last, options.shard):
        folder = options.runs / "videos" / f"{first:07d}"
        left_out = encode_videos(folder, found[first : min(first + options.shard, last)], codec, sizes)
        print(f"{folder}: done", flush=True)
        for name, reason in left_out.items():
            print(f"left out: {name} ({reason})", flush=True)


def _run(options: argparse.Namespace, device: torch.device) -> None:
    from avfoley_engine.training.run import read_config, run

    run(read_config(options.config), device)


def _fusion(options: argparse.Namespace, device: torch.device) -> None:
    from avfoley_engine.models.avlink.config import DIRECTIONS
    from avfoley_engine.training.avlink import AVLinkTraining, FusionTraining, train_fusion
    from avfoley_engine.training.loading import config_of, load_backbones, untrained_link

    data, text = _data(options.runs, device, options.style)
    base = _base_link(options, device)
    link, run = untrained_link([options.direction], config_of(options.runs, base)), f"fusion_{options.direction}"
    if options.resume:
        blocks = _model(options.resume, device).link.fusion
        if options.direction not in blocks:
            raise ModelError(
                f"{options.resume} has no {run} to start from. Leave --resume out, or choose its direction."
            )
        link.fusion[options.direction].load_state_dict(blocks[options.direction].state_dict())
    load_backbones(link, options.runs, base)
    if options.checkpointing:
        link.checkpoint_blocks()
    generated, conditioning = options.caption_drop
    training = AVLinkTraining(
        batch=options.batch,
        onset_weight=options.onset_weight,
        generated_caption_drop=generated,
        conditioning_caption_drop=conditioning,
        drawing_times=_DRAWING_TIMES,
        drawn_steps=options.drawn_steps,
    )
    directions = DIRECTIONS if options.direction == "joint" else (options.direction,)
    train_fusion(FusionTraining(link, directions).to(device), data, text, options.runs / run, config(options), training)


def _pictures(options: argparse.Namespace, device: torch.device, sizes: UpsamplerConfig) -> WorldPictures:
    """The first `--clips` of the world in the upsampler's size."""
    from avfoley_engine.training.pictures import WorldPictures, render_pictures

    folder = options.runs / "pictures"
    render_pictures(
        folder, range(options.clips), (sizes.height, sizes.width), float(sizes.frame_rate), device=device.type
    )
    return WorldPictures(folder, device)


def _autoencoder(options: argparse.Namespace, device: torch.device) -> None:
    from safetensors.torch import save_file

    from avfoley_engine.models.avlink.upsampler.autoencoder import VideoAutoencoder
    from avfoley_engine.models.avlink.upsampler.config import PRESETS
    from avfoley_engine.training.loading import AUTOENCODER_FILE, keep_sizes
    from avfoley_engine.training.upsampler import AutoencoderTraining, train_autoencoder

    sizes, folder = PRESETS[options.preset], options.runs / "autoencoder"
    keep_sizes(options.runs, sizes)
    autoencoder = VideoAutoencoder(sizes.autoencoder).to(device)
    data, training = _pictures(options, device, sizes), AutoencoderTraining(batch=options.batch)
    train_autoencoder(autoencoder, data, sizes.frame_rate, folder, config(options), training)
    state = {name: tensor.cpu().contiguous() for name, tensor in autoencoder.state_dict().items()}
    save_file(state, folder / AUTOENCODER_FILE)


def _upsampler(options: argparse.Namespace, device: torch.device) -> None:
    from avfoley_engine.models.avlink.upsampler.upsample import UpsamplerNetworks
    from avfoley_engine.training.loading import load_autoencoder, upsampler_sizes
    from avfoley_engine.training.upsampler import UpsamplerTraining, train_flow

    sizes = upsampler_sizes(options.runs)
    networks = UpsamplerNetworks(sizes)
    load_autoencoder(networks.autoencoder, options.runs)
    if options.from_video:
        networks.flow.start_from(_model(options.from_video, device).link.video)
    data, training = _pictures(options, device, sizes), UpsamplerTraining(batch=options.batch)
    text = _captions(device, sizes.text)
    train_flow(networks.to(device), data, text, options.runs / "upsampler", config(options), training)


def _entry(name: str) -> Entry:
    """A registered model's entry, or that of the one in a folder."""
    from avfoley_engine import zoo

    folder = Path(name)
    return zoo.entry_of(folder) if (folder / "config.json").exists() else zoo.entry(name)


def _model(name: str, device: torch.device) -> AVLinkFoley:
    """A registered model, or the one in a folder."""
    from avfoley_engine.models.avlink import system

    return system.load(_entry(name), device)


def _new(options: argparse.Namespace, device: torch.device) -> None:
    from avfoley_engine.codec import audio
    from avfoley_engine.models.avlink import system
    from avfoley_engine.models.avlink.link import AVLink
    from avfoley_engine.training.run import PRESETS

    codec = audio.AudioCodec({"nano": audio.NANO, "paper": audio.PAPER}[options.preset])
    title = options.title or f"AV-Link {options.preset}, untrained"
    # The paper's 64 steps at guidance 5; `nano` needs fewer.
    steps = {"nano": 25, "paper": 64}[options.preset]
    link = AVLink(PRESETS[options.preset])
    system.save(options.out, link, codec, title=title, licence="Apache-2.0", steps=steps, guidance_scale=5.0)


def _export(options: argparse.Namespace, device: torch.device) -> None:
    from avfoley_engine.models.avlink import system
    from avfoley_engine.training.loading import exported_parts, upsampler_of_runs

    link, codec = exported_parts(options.runs, _base(options, device), device)
    upsampler = upsampler_of_runs(options.runs)
    if upsampler is None and options.base:
        upsampler = system.load_upsampler(_entry(options.base))
    system.save(
        options.out,
        link,
        codec,
        title=options.title,
        licence="Apache-2.0",
        steps=options.sampling_steps,
        guidance_scale=options.guidance,
        parts=tuple(options.part),
        upsampler=upsampler,
    )


COMMANDS = {
    "vae": _vae,
    "grain": _grain,
    "vocoder": _vocoder,
    "world": _world,
    "sounds": _encoded,
    "audio": _audio,
    "video": _video,
    "events": _events,
    "draw": _draw,
    "probe": _probe,
    "fusion": _fusion,
    "autoencoder": _autoencoder,
    "upsampler": _upsampler,
    "videos": _videos,
    "run": _run,
    "new": _new,
    "export": _export,
}
