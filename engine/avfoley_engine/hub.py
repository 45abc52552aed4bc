"""Files from the Hugging Face Hub at a pinned revision, resumed at any byte."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from avfoley_engine.errors import ModelError

_CHUNK = 1 << 20


def fetch(repository: str, name: str, revision: str, path: Path, report: Callable[[int], None]) -> None:
    """Brings one file of a repository to `path`; `report` is told how many of its bytes are there.

    What an earlier attempt left in the ``.part`` file is not fetched again. (The Hub's own client
    starts anew.) What `report` raises ends the attempt.

    Raises:
        ModelError: the Hub cannot be reached or has no such file.
    """
    import httpx2
    from huggingface_hub import hf_hub_url
    from huggingface_hub.utils import build_hf_headers

    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        there = part.stat().st_size if part.exists() else 0
        report(there)
        headers = {**build_hf_headers(), "Accept-Encoding": "identity", "Range": f"bytes={there}-"}
        url = hf_hub_url(repository, name, revision=revision)
        with httpx2.stream("GET", url, headers=headers, follow_redirects=True, timeout=30) as answer:
            # 416: there is nothing after what is there.
            if answer.status_code != 416:
                answer.raise_for_status()
                there = there if answer.status_code == 206 else 0
                with part.open("ab" if there else "wb") as file:
                    for chunk in answer.iter_bytes(_CHUNK):
                        file.write(chunk)
                        there += len(chunk)
                        report(there)
        part.replace(path)
    except (httpx2.HTTPError, OSError) as error:
        raise ModelError(
            f"{name} cannot be fetched from {repository} at {revision[:12]} ({error}). "
            "Check the network and the disk, and try again; it goes on where it ended."
        ) from error
