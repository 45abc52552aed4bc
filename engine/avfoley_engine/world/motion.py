"""Tracks of motion around events, and the event times themselves. Times are seconds, `t` a clock's instants."""

from __future__ import annotations

import numpy as np

Span = tuple[float, float]
_FAR = 1e3  # stands for "no event on that side", far outside any clip


def irregular_times(
    rng: np.random.Generator,
    duration: float,
    density: Span = (0.8, 2.5),
    min_gap: float = 0.2,
    jitter: tuple[float, ...] = (0.08, 0.2, 0.35),
    pause: float = 0.1,
) -> np.ndarray:
    """Event times of a random tempo (events a second) with jitter, drift and pauses, so that rhythm betrays nothing."""
    period = 1.0 / np.exp(rng.uniform(*np.log(density)))
    sigma = rng.choice(jitter)
    drift = rng.uniform(-0.4, 0.4)
    time = rng.uniform(0.04, 0.04 + 1.3 * period)
    times = []
    while time < duration - 0.06:
        times.append(time)
        gap = period * np.exp(sigma * rng.standard_normal()) * (1 + drift * time / duration)
        if rng.random() < pause:
            gap *= rng.uniform(1.8, 3.5)
        time += max(gap, min_gap)
    return _at_least_one(times, duration)


def burst_times(rng: np.random.Generator, duration: float, size: tuple[int, int], gap: Span, rest: Span) -> np.ndarray:
    """Event times in bursts: `size` events `gap` seconds apart, then `rest` seconds of nothing."""
    times = []
    time = rng.uniform(0.05, 1.0)
    while time < duration - 0.06:
        tempo = rng.uniform(*gap)
        for _ in range(int(rng.integers(size[0], size[1] + 1))):
            if time < duration - 0.06:
                times.append(time)
            time += tempo * np.exp(0.15 * rng.standard_normal())
        time += rng.uniform(*rest)
    return _at_least_one(times, duration)


def dropped_times(rng: np.random.Generator, duration: float) -> np.ndarray:
    """Contacts of a ball that is dropped and bounces lower and lower, then is dropped again."""
    times: list[float] = []
    time = rng.uniform(0.1, 0.8)
    while time < duration - 0.06:
        gap, restitution = rng.uniform(0.5, 0.95), rng.uniform(0.6, 0.88)
        while gap > 0.2 and time < duration - 0.06:
            times.append(time)
            time += gap
            gap *= restitution
        if time < duration - 0.06:
            times.append(time)
        time += rng.uniform(0.6, 1.6)
    return _at_least_one(times, duration)


def sparse_times(rng: np.random.Generator, duration: float, count: tuple[int, int], min_gap: float) -> np.ndarray:
    """A few event times, anywhere in the clip, at least `min_gap` seconds apart."""
    number = int(rng.integers(count[0], count[1] + 1))
    slack = duration - 0.4 - min_gap * (number - 1)
    times = np.sort(rng.uniform(0, max(slack, 0.1), number)) + 0.25 + min_gap * np.arange(number)
    return _at_least_one(times[times < duration - 0.06], duration)


def _at_least_one(times: list[float] | np.ndarray, duration: float) -> np.ndarray:
    """The times, or the middle of a clip too short for any: every act has an event."""
    return np.asarray(times) if len(times) else np.array([duration / 2])


def gains(rng: np.random.Generator, count: int) -> np.ndarray:
    """Loudness of each event in (0, 1], the clip's liveliness drawn once."""
    return np.exp(-np.abs(rng.uniform(0.05, 0.5) * rng.standard_normal(count))).clip(0.25, 1.0)


def lifts(rng: np.random.Generator, loudness: np.ndarray, height: float) -> np.ndarray:
    """Heights before each stroke (K + 1,): louder strokes come from higher; the last is where the tool ends up."""
    before = height * (0.45 + 0.55 * loudness) * rng.uniform(0.8, 1.2, len(loudness))
    return np.append(before, height * rng.uniform(0.2, 1.0))


def since(t: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Seconds since the last event, large before the first."""
    padded = np.concatenate([[-_FAR], times])
    return np.asarray(t - padded[np.searchsorted(times, t, side="right")])


def latest(t: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Index of the last event at or before t, -1 before the first."""
    return np.searchsorted(times, t, side="right") - 1


def decay(t: np.ndarray, times: np.ndarray, amounts: np.ndarray, tau: float) -> np.ndarray:
    """A jump to `amounts[i]` at every event, falling off exponentially with `tau` seconds."""
    padded = np.concatenate([[0.0], amounts])
    return np.asarray(padded[latest(t, times) + 1] * np.exp(-np.clip(since(t, times), 0, 50) / tau))


def ring(t: np.ndarray, times: np.ndarray, amounts: np.ndarray, frequency: float, tau: float) -> np.ndarray:
    """What was struck swings: a damped sine from every event on, `frequency` in hertz."""
    return np.asarray(decay(t, times, amounts, tau) * np.sin(2 * np.pi * frequency * np.clip(since(t, times), 0, 50)))


def smoothstep(x: np.ndarray) -> np.ndarray:
    x = np.clip(x, 0.0, 1.0)
    return np.asarray(x * x * (3 - 2 * x))


def stroke(
    t: np.ndarray,
    times: np.ndarray,
    lift: np.ndarray,
    fall: float,
    rise: float,
    dwell: float,
    rebound: bool,
    power: float = 2.0,
) -> np.ndarray:
    """Height of a tool over what it strikes: 0 exactly at the events, reached at full speed.

    lift (K + 1,): height before each event and after the last. The tool stays down for `dwell`, rises within `rise`
    seconds (off the surface at once if it `rebound`s, gently if it is lifted), waits, and falls within `fall` seconds,
    accelerating like (time)^power. Crowded events get proportionally quicker and lower strokes.
    """
    index = np.searchsorted(times, t, side="right")
    before = np.concatenate([[-_FAR], times])[index]
    after = np.concatenate([times, [_FAR]])[index]
    gap = after - before
    squeeze = np.minimum(1.0, gap / (1.05 * (fall + rise + dwell)))
    up = np.clip((t - before - dwell * squeeze) / (rise * squeeze), 0, 1)
    up = 1 - (1 - up) ** 2 if rebound else smoothstep(up)
    down = 1 - (1 - np.clip((after - t) / (fall * squeeze), 0, 1)) ** power
    return np.asarray(lift[index] * squeeze**0.7 * up * down)


def hops(t: np.ndarray, times: np.ndarray, gravity: float, limit: float) -> np.ndarray:
    """Height of something thrown between its contacts: parabolas under one gravity (heights/s^2), at most `limit`."""
    first = times[0] - 2 * np.sqrt(2 * limit / gravity)
    last = times[-1] + 2 * np.sqrt(2 * limit / gravity)
    padded = np.concatenate([[min(first, -0.2)], times, [max(last, t[-1] + 0.3)]])
    index = np.clip(np.searchsorted(padded, t, side="right"), 1, len(padded) - 1)
    gap = padded[index] - padded[index - 1]
    phase = (t - padded[index - 1]) / gap
    return np.asarray(4 * phase * (1 - phase) * np.minimum(gravity * gap**2 / 8, limit))


def revs(t: np.ndarray, times: np.ndarray, loudness: np.ndarray, attack: float, tau: float, idle: float) -> np.ndarray:
    """An engine's speed: `idle`, and at each event a rise within `attack` s that falls off with `tau` s."""
    age = since(t, times)
    strength = np.concatenate([[0.0], loudness])[latest(t, times) + 1]
    return np.asarray(idle + strength * smoothstep(age / attack) * np.exp(-np.clip(age - 0.35, 0, 50) / tau))


def to_and_fro(
    t: np.ndarray, times: np.ndarray, loudness: np.ndarray, reach: np.ndarray, push: float, duration: float, both: bool
) -> tuple[np.ndarray, np.ndarray]:
    """A tool that rubs: its way, `reach` (K,) to either side, and how loud it is.

    A stroke begins at each event, at full speed, and lasts at most `push` seconds; it sounds both ways, or only on the
    push and then comes back in silence.
    """
    gap = np.diff(np.append(times, duration + 0.5))
    index = np.clip(latest(t, times), 0, None)
    length = np.minimum(push, (0.8 if both else 0.45) * gap)[index]
    begun = t >= times[0]
    age = np.clip(since(t, times), 0, 50)
    progress = 1 - (1 - np.clip(age / length, 0, 1)) ** 2  # full speed at once, then slower
    if both:
        side = (-1.0) ** index
        origin = np.where(index > 0, reach[np.maximum(index - 1, 0)], reach[0]) * -side
        way = np.where(begun, origin + (reach[index] * side - origin) * progress, -reach[0])
    else:
        back = smoothstep((age - length) / np.maximum(gap[index] - length - 0.03, 0.1))
        way = np.where(begun, reach[0] * (2 * progress - 1 - 2 * back), -reach[0])
    return way, np.where(begun, np.clip(1 - age / length, 0, 1) ** 0.5, 0.0) * loudness[index]


def footfalls(t: np.ndarray, times: np.ndarray, places: np.ndarray, swing: float) -> tuple[np.ndarray, np.ndarray]:
    """One foot's x, and the phase 0..1 of its swings: planted at places[i] until it swings to places[i + 1].

    It lands there at times[i], after `swing` seconds, or less where steps are crowded.
    """
    upcoming = np.searchsorted(times, t, side="right")
    landing = np.append(times, _FAR)[upcoming]
    length = np.minimum(swing, 0.8 * (landing - np.concatenate([[-_FAR], times])[upcoming]))
    phase = np.clip(1 - (landing - t) / length, 0, 1)
    current, target = places[upcoming], places[np.minimum(upcoming + 1, len(places) - 1)]
    return current + (target - current) * smoothstep(phase), phase


def wander(rng: np.random.Generator, t: np.ndarray, amount: float, rate: float) -> np.ndarray:
    """Smooth random motion: a sum of slow sines with standard deviation near `amount`, up to `rate` hertz."""
    frequencies = rng.uniform(0.15, 1.0, 4) * rate
    phases = rng.uniform(0, 2 * np.pi, 4)
    weights = rng.uniform(0.4, 1.0, 4)
    waves = np.sin(2 * np.pi * frequencies[:, None] * t[None] + phases[:, None])
    return np.asarray(amount * (weights[:, None] * waves).sum(0) / np.sqrt((weights**2).sum() / 2))


def steps(t: np.ndarray, times: np.ndarray, values: np.ndarray, ramp: float) -> np.ndarray:
    """Moves from values[i] to values[i + 1] at times[i], within `ramp` seconds from that time on; values (K + 1,)."""
    index = latest(t, times) + 1
    previous = values[np.maximum(index - 1, 0)]
    return np.asarray(previous + (values[index] - previous) * smoothstep(since(t, times) / max(ramp, 1e-3)))
