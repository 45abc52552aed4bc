"""Dataclasses as options: a field is a flag in the shell and a key in YAML, checked alike."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import torch
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config

T = TypeVar("T")
#: A number from 0 to 1.
Share = Annotated[float, Field(ge=0, le=1)]


def option(default: Any = MISSING, what: str = "", *, flag: str = "", metavar: str | tuple[str, ...] = "") -> Any:
    """A field with its help text.

    `flag` names it where the shell's flag is not the field's name; `metavar` stands for its value.
    A subclass may give the field another default and leave the rest out.
    """
    return field(default=default, metadata={"help": what, "flag": flag, "metavar": metavar})


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, kw_only=True)
class CommandOptions:
    """What every command of `avfoley train` is told."""

    runs: Path = option(Path("runs"), "folder of all runs; a run's own is named after its part")
    seed: int = option(0, "the same seed gives the same run")


@dataclass(frozen=True)
class Command:
    """A command: what it does, the dataclass of its options, and what runs it on a device."""

    what: str
    options: type
    run: Callable[[Any, torch.device], None]


def parse(kind: type[T], values: Mapping[str, Any]) -> T:
    """Options of that kind from flags or YAML. Raises pydantic's `ValidationError`; see `complaint`."""
    return TypeAdapter(kind).validate_python(dict(values))


def complaint(error: ValidationError) -> str:
    """What is wrong with which option."""
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())


def add_flags(parser: argparse.ArgumentParser, kind: type) -> None:
    """Adds a flag for every field but nested dataclasses, which only YAML can say.

    Flags that are not given are left out of the namespace, and the values of the others are text:
    `parse` makes them what they should be.
    """
    hints = get_type_hints(kind)
    for each in fields(kind):
        hint = hints[each.name]
        if get_origin(hint) in (Union, UnionType):
            (hint,) = (inner for inner in get_args(hint) if inner is not NoneType)
        if is_dataclass(hint):
            continue
        about = _metadata(kind, each.name)
        what, default = about["help"].replace("%", "%%"), each.default
        how: dict[str, Any] = {"dest": each.name, "default": argparse.SUPPRESS}
        if hint is bool:
            how["action"] = "store_true"
        else:
            how |= _values(hint) | ({"metavar": about["metavar"]} if about["metavar"] else {})
            how["required"] = default is MISSING and each.default_factory is MISSING
            if default not in (MISSING, None):
                shown = " ".join(map(str, default)) if isinstance(default, tuple) else default
                what += f" (default: {shown})"
        parser.add_argument(about["flag"] or "--" + each.name.replace("_", "-"), help=what.strip(), **how)


def _metadata(kind: type, name: str) -> Mapping[str, Any]:
    """What `option` was told of a field, in the class itself or the nearest that it inherits it from."""
    found = (vars(base).get("__dataclass_fields__", {}).get(name) for base in kind.__mro__)
    return next(f.metadata for f in found if f is not None and f.metadata)


def _values(hint: Any) -> dict[str, Any]:
    inner = get_args(hint)
    if get_origin(hint) is Literal:
        return {"choices": inner}
    if get_origin(hint) is list:
        return {"action": "append"}
    if get_origin(hint) is tuple:
        return {"nargs": "+" if inner[-1] is Ellipsis else len(inner)}
    return {}
