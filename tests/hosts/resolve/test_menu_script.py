"""The script in Resolve's menu: AVFoley in its own process, over the API that the script serves."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

import pytest

from avfoley_plugin.errors import HostError
from avfoley_plugin.hosts.resolve import ResolveHost, connection, utility_script
from avfoley_plugin.timeline.captions import captions
from support.resolve_edit import Edit

CHILD = """
from pathlib import Path
import sys
from avfoley_plugin.hosts.resolve import ResolveHost
from avfoley_plugin.timeline.captions import write_caption
from avfoley_plugin.timeline.shots import read_shots

host = ResolveHost(Path(sys.argv[1]))
timeline = host.read()
shots, _ = read_shots(timeline, host.selection(), folder=host.folder, is_online=lambda path: True)
for shot in shots:
    write_caption(timeline, shot, "ünï " + shot.name)
# The panel reads the timeline anew while a run holds its host.
assert len(ResolveHost(Path(sys.argv[1])).read().tracks) == len(timeline.tracks)
host.write(timeline)
print("captioned", len(shots))
"""


def test_a_timeline_is_read_and_written_from_another_process(
    edit: Edit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    edit.timeline._selected = [edit.step]
    monkeypatch.setenv("PYTHONHASHSEED", "0")
    command = [sys.executable, "-c", CHILD, str(tmp_path / "edit.otio")]
    monkeypatch.setattr(utility_script, "COMMAND", ["env", f"PYTHONPATH={os.pathsep.join(sys.path)}", *command])
    assert utility_script.run(edit.resolve) == 0
    assert "captioned 1" in capsys.readouterr().out
    assert [(frame, marker["note"]) for frame, marker in edit.timeline._markers.items()] == [(60, "ünï step")]
    assert list(captions(ResolveHost(tmp_path / "edit.otio", edit.resolve).read()).values()) == ["ünï step"]


def test_only_who_knows_the_token_is_answered(edit: Edit) -> None:
    server = utility_script.Server(edit.resolve)
    call = {"token": "guess", "target": 0, "method": "GetProductName", "arguments": []}
    assert server._answer(json.dumps(call).encode()) == {"error": "wrong token"}
    assert server._answer(json.dumps({**call, "token": server.token}).encode()) == {"value": "DaVinci Resolve Studio"}
    assert "error" in server._answer(b"no json")
    server._socket.close()


def test_the_server_listens_on_the_loopback_only(edit: Edit) -> None:
    server = utility_script.Server(edit.resolve)
    assert server._socket.getsockname()[0] == "127.0.0.1"
    server._socket.close()


def test_a_resolve_that_is_gone_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for address in (f"{port}:token", "nonsense", "99999999:x"):
        monkeypatch.setenv(connection.BRIDGE, address)
        with pytest.raises(HostError, match="start it again"):
            connection.connect()


def test_without_resolve_the_ways_to_it_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(connection.BRIDGE, raising=False)
    monkeypatch.setenv("RESOLVE_SCRIPT_API", str(tmp_path))
    with pytest.raises(HostError, match="avfoley install resolve"):
        connection.connect()
    (tmp_path / "Modules").mkdir()
    (tmp_path / "Modules" / "DaVinciResolveScript.py").write_text("def scriptapp(name):\n    return None\n")
    with pytest.raises(HostError, match="avfoley install resolve"):
        connection.connect()


def test_resolves_own_module_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(connection.BRIDGE, raising=False)
    monkeypatch.setenv("RESOLVE_SCRIPT_API", str(tmp_path))
    (tmp_path / "Modules").mkdir()
    (tmp_path / "Modules" / "DaVinciResolveScript.py").write_text(
        "class R:\n    def GetProductName(self):\n        return 'DaVinci Resolve Studio'\n\n\ndef scriptapp(name):\n    return R()\n"
    )
    assert connection.connect().GetProductName() == "DaVinci Resolve Studio"


def test_the_script_needs_nothing_but_python_3_6() -> None:
    import ast

    source = Path(utility_script.__file__).read_text()
    tree = ast.parse(source, feature_version=(3, 7))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    assert imported <= set(sys.stdlib_module_names)
