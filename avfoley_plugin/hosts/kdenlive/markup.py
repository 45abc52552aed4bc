"""XML with the place of every element in the file's bytes, so that a `Patch` touches nothing around
it: serialising would change quotes, white space and escapes everywhere. Parsed by expat as UTF-8. A
document type is refused before expat sees it, and with it entities of any kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from avfoley_plugin.errors import HostError

_ENCODINGS = ("utf-8", "utf8", "us-ascii", "ascii")
_DEEPEST = 100
#: Some twenty times the largest projects; what has more would only fill the memory.
_MOST_ELEMENTS = 2_000_000
_ATTRIBUTE = re.compile(rb"""\s([^\s=<>"']+)\s*=\s*("[^"]*"|'[^']*')""")
_START_TAG = re.compile(rb"""<[^<>"']*(?:(?:"[^"]*"|'[^']*')[^<>"']*)*>""")
#: A character of a text as it is written: a reference, a line's end, or a sequence of UTF-8.
_CHARACTER = re.compile(rb"&[^;]*;|\r\n|.[\x80-\xbf]*", re.DOTALL)
_WHITE = b" \t\r\n"


class MarkupError(HostError):
    """What a file holds is no XML that we read."""


@dataclass(eq=False)
class Element:
    """An element from byte ``start`` to ``end``, its content from ``content`` to ``close``;
    ``content`` is None for an empty tag.
    """

    tag: str
    attributes: dict[str, str]
    parent: Element | None
    start: int
    content: int | None
    close: int = 0
    end: int = 0
    children: list[Element] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    @cached_property
    def text(self) -> str:
        """The character data directly in the element."""
        return "".join(self.pieces)

    @cached_property
    def properties(self) -> dict[str, str]:
        """MLT's properties: the text of each ``<property name="...">`` directly in the element."""
        return {child.attributes.get("name", ""): child.text for child in self["property"]}

    def property(self, name: str) -> Element | None:
        """The ``<property>`` of that name directly in the element."""
        # As for MLT, the last of several counts.
        return next((child for child in reversed(self["property"]) if child.attributes.get("name") == name), None)

    def __getitem__(self, tag: str) -> list[Element]:
        """The children of that tag."""
        return [child for child in self.children if child.tag == tag]

    def descendants(self) -> Iterator[Element]:
        """All elements in this one, in the order of the document."""
        pending = list(reversed(self.children))
        while pending:
            element = pending.pop()
            yield element
            pending.extend(reversed(element.children))


class Document:
    """A parsed file. Raises MarkupError if it is no well-formed XML in UTF-8, or has a document type."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        if b"\0" in content[:64]:
            raise MarkupError("it is not written in UTF-8; open it in Kdenlive and save it")
        # A handler would be too late: what it raises does not keep expat from expanding the entities.
        if b"<!DOCTYPE" in content:
            raise MarkupError("it declares a document type, which no project of Kdenlive has; it is not opened")
        #: The elements that have begun, after one around all.
        self._open = [Element("", {}, None, 0, 0)]
        self._elements = 0
        self._parser = parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.XmlDeclHandler, parser.CharacterDataHandler = self._declaration, self._characters
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        try:
            parser.Parse(content, True)
        except expat.ExpatError as error:
            raise MarkupError(f"it is no XML: {error}; it may be cut off") from error
        except UnicodeError as error:
            raise MarkupError(f"its text cannot be decoded: {error}") from error
        finally:
            del self._parser
        (self.root,) = self._open[0].children

    def raw(self, element: Element) -> bytes:
        """The element as it is written."""
        return self.content[element.start : element.end]

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        if encoding is not None and encoding.lower() not in _ENCODINGS:
            raise MarkupError(f"it is written in {encoding}, not in UTF-8; open it in Kdenlive and save it")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if len(self._open) > _DEEPEST:
            raise MarkupError("its elements are nested too deep for a project of Kdenlive")
        self._elements += 1
        if self._elements > _MOST_ELEMENTS:
            raise MarkupError(f"it has more than {_MOST_ELEMENTS} elements; split it into smaller projects")
        start = self._parser.CurrentByteIndex
        match = _START_TAG.match(self.content, start)
        if match is None:
            raise MarkupError(f"it has an element at byte {start} whose end cannot be found")
        empty = self.content[match.end() - 2 : match.end()] == b"/>"
        element = Element(tag, attributes, self._open[-1], start, None if empty else match.end())
        if empty:
            element.close = element.end = match.end()
        self._open[-1].children.append(element)
        self._open.append(element)

    def _end(self, tag: str) -> None:
        element = self._open.pop()
        if element.content is not None:
            element.close = self._parser.CurrentByteIndex
            element.end = self.content.index(b">", element.close) + 1

    def _characters(self, text: str) -> None:
        self._open[-1].pieces.append(text)


class Patch:
    """Changes to a document, applied all at once. A change within something that is removed goes with it."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._edits: list[tuple[int, int, bytes]] = []

    def replace(self, start: int, end: int, text: str | bytes) -> None:
        """Puts `text` in the place of the bytes from `start` to `end`."""
        self._edits.append((start, end, text.encode() if isinstance(text, str) else text))

    def insert(self, at: int, text: str | bytes) -> None:
        """Puts `text` before the byte `at`, after what was inserted there already."""
        self.replace(at, at, text)

    def insert_before(self, element: Element, text: str) -> None:
        """Puts an element on a line of its own before another."""
        self.insert(self.line(element), f"\n{self.indent(element)}{text}")

    def insert_after(self, element: Element, text: str) -> None:
        """Puts an element on a line of its own after another."""
        self.insert(element.end, f"\n{self.indent(element)}{text}")

    def append(self, parent: Element, text: str) -> None:
        """Puts an element on a line of its own at the end of another's content."""
        if parent.content is None:
            raise MarkupError(f"its <{parent.tag}> is empty; open the project in Kdenlive and save it")
        if parent.children:
            self.insert_after(parent.children[-1], text)
        else:
            self.insert(parent.content, f"\n{self.indent(parent)} {text}")

    def remove(self, element: Element) -> None:
        """Takes out an element, with the white space before it."""
        self.replace(self.line(element), element.end, b"")

    def set_attribute(self, element: Element, name: str, value: str) -> None:
        """Gives an element's attribute a value."""
        content = self._document.content
        end = element.end if element.content is None else element.content
        for match in _ATTRIBUTE.finditer(content, element.start, end):
            if match[1].decode() == name:
                self.replace(match.start(2), match.end(2), quoteattr(value))
                return
        self.insert(element.start + 1 + len(element.tag.encode()), f" {name}={quoteattr(value)}")

    def set_text(self, element: Element, text: str) -> None:
        """Gives an element other text; what it had goes."""
        if element.content is None:
            match = re.compile(rb"\s*/>$").search(self._document.content, element.start, element.end)
            assert match is not None
            self.replace(match.start(), element.end, f">{escape(text)}</{element.tag}>")
        else:
            self.replace(element.content, element.close, escape(text))

    def edit_text(self, element: Element, edits: list[tuple[int, int, str]]) -> None:
        """Replaces ranges of an element's text, counted in characters, and leaves the rest as it is written."""
        if not edits:
            return
        if element.content is None:
            self.set_text(element, "".join(text for _, _, text in edits))
            return
        places = self._places(element)
        for start, end, text in edits:
            self.replace(places[start], places[end], escape(text))

    def result(self) -> bytes:
        """The document with the changes made."""
        content, made, at = self._document.content, [], 0
        for start, end, text in sorted(self._edits, key=lambda edit: (edit[0], edit[0] != edit[1], -edit[1])):
            if start < at:
                continue
            made += [content[at:start], text]
            at = end
        return b"".join([*made, content[at:]])

    def line(self, element: Element) -> int:
        """Where the white space before an element begins."""
        at = element.start
        while at > 0 and self._document.content[at - 1] in _WHITE:
            at -= 1
        return at

    def indent(self, element: Element) -> str:
        space = self._document.content[self.line(element) : element.start].decode()
        return space.rpartition("\n")[2] if "\n" in space else ""

    def _places(self, element: Element) -> list[int]:
        """The byte at which each character of an element's text is written, and the byte after the last."""
        assert element.content is not None
        raw = self._document.content[element.content : element.close]
        if b"<" in raw:
            raise MarkupError(f"its <{element.tag}> holds markup where text was expected; open and save it in Kdenlive")
        return [*(element.content + found.start() for found in _CHARACTER.finditer(raw)), element.close]


def tag(name: str, attributes: dict[str, str], *content: str, indent: str = "") -> str:
    """An element with child elements on lines of their own, as text."""
    if not content:
        return f"<{_opening(name, attributes)}/>"
    lines = (f"{indent} {line}" for line in content)
    return "\n".join([f"<{_opening(name, attributes)}>", *lines, f"{indent}</{name}>"])


def text_tag(name: str, attributes: dict[str, str], text: str) -> str:
    """An element that holds text."""
    opening = _opening(name, attributes)
    return f"<{opening}>{escape(text)}</{name}>" if text else f"<{opening}/>"


def property_tag(name: str, text: str) -> str:
    """One of MLT's properties."""
    return text_tag("property", {"name": name}, text)


def property_tags(values: Mapping[str, str]) -> list[str]:
    return [property_tag(name, text) for name, text in values.items()]


def _opening(name: str, attributes: dict[str, str]) -> str:
    return "".join([name, *(f" {key}={quoteattr(value)}" for key, value in attributes.items())])
