"""A worker that cannot start."""

from __future__ import annotations

from support.fake_worker import MODELS as MODELS

if __name__ == "__main__":
    raise SystemExit("libcuda is missing")
