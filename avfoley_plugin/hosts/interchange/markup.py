"""XML of other programs, parsed without entities, external or not, and with limits on what a document may hold."""

from __future__ import annotations

from typing import NoReturn
from xml.etree import ElementTree
from xml.parsers import expat

from avfoley_plugin.errors import HostError

_DEEPEST = 200
_MOST_ELEMENTS = 2_000_000


def parse(content: bytes) -> ElementTree.Element:
    """The root of a document. Raises HostError if it is not well-formed, declares an entity, or is
    out of all measure. A document type may only be a name, as FCPXML and FCP7 XML have it.
    """
    builder = ElementTree.TreeBuilder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    depth = count = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth, count
        depth, count = depth + 1, count + 1
        if depth > _DEEPEST or count > _MOST_ELEMENTS:
            raise HostError("it is nested more deeply, or holds more, than any timeline does")
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    def refuse(*_: object) -> NoReturn:
        raise HostError("it declares entities, which no editing program writes; it is not read")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise HostError(f"it is not well-formed XML: {error}") from error
    return builder.close()
