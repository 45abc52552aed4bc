"""XML kept as the bytes it is: what is changed is changed, and nothing else."""

from __future__ import annotations

import json

import pytest

from avfoley_plugin.errors import HostError
from avfoley_plugin.hosts.kdenlive import markup
from avfoley_plugin.hosts.kdenlive.json_array import changed, items
from avfoley_plugin.hosts.kdenlive.markup import Document, MarkupError, Patch, tag, text_tag

TEXT = """<?xml version="1.0"?>
<!-- a > b -->
<mlt  title='a "root=1" > b' root="/old"
   >
\t<a name="x">one &amp; t&#x77;o é</a><b/>
  <c  k = 'v' />
</mlt>
"""


def patched(text: str, change: str) -> str:
    document = Document(text.encode())
    a, b, c = document.root.children
    patch = Patch(document)
    if change == "attribute":
        patch.set_attribute(document.root, "root", '/a "new" <one>')
    elif change == "characters":
        patch.edit_text(a, [(4, 5, "<&>"), (10, 10, "!")])
    elif change == "empty":
        patch.set_text(c, "x < y")
    elif change == "remove":
        patch.remove(a)
        patch.set_text(a, "gone with it")
    elif change == "around":
        patch.insert_before(b, tag("n", {"i": "1"}))
        patch.insert_after(c, text_tag("t", {}, "2 > 1"))
    return patch.result().decode()


@pytest.mark.parametrize(
    ("change", "old", "new"),
    [
        ("attribute", 'root="/old"', "root='/a \"new\" &lt;one&gt;'"),
        ("characters", "&amp; t&#x77;o é", "&lt;&amp;&gt; t&#x77;o !é"),
        ("empty", "<c  k = 'v' />", "<c  k = 'v'>x &lt; y</c>"),
        ("remove", '\n\t<a name="x">one &amp; t&#x77;o é</a>', ""),
        ("nothing", "", ""),
    ],
)
def test_a_change_leaves_what_is_around_it(change: str, old: str, new: str) -> None:
    assert patched(TEXT, change) == TEXT.replace(old, new)


def test_elements_are_put_on_lines_of_their_own() -> None:
    lines = patched(TEXT, "around").splitlines()
    assert "  <t>2 &gt; 1</t>" in lines
    assert lines[lines.index("  <t>2 &gt; 1</t>") - 1] == "  <c  k = 'v' />"


def test_the_text_and_places_are_those_of_the_file() -> None:
    document = Document(TEXT.encode())
    a, b, c = document.root.children
    assert a.text == "one & two é"
    assert document.raw(b) == b"<b/>"
    assert document.raw(c) == b"<c  k = 'v' />"
    assert document.root.attributes["title"] == 'a "root=1" > b'


BOMB = '<!DOCTYPE m [<!ENTITY a "aaaaaaaaaa">' + "".join(
    f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in zip("abcdefghi", "bcdefghij", strict=True)
)


@pytest.mark.parametrize(
    "content",
    [
        (BOMB + "]><mlt>&j;</mlt>").encode(),
        b'<!DOCTYPE m [<!ENTITY x SYSTEM "file:///etc/passwd">]><mlt>&x;</mlt>',
        b'<!DOCTYPE m SYSTEM "http://127.0.0.1:9/a.dtd"><mlt/>',
        b'<?xml version="1.0" encoding="latin-1"?><mlt a="\xe9"/>',
        "<?xml version='1.0' encoding='utf-16'?><mlt/>".encode("utf-16"),
        '<mlt a="é"/>'.encode("cp1252"),
        '<?xml version="1.0" encoding="cp037"?><mlt/>'.encode("cp037"),
        b"",
        b"\x00" * 100,
        b"<mlt>",
        b"<mlt/><mlt/>",
        b"<mlt>&undefined;</mlt>",
        b"<a>" * 500 + b"</a>" * 500,
    ],
)
def test_what_is_no_plain_xml_in_utf8_is_refused(content: bytes) -> None:
    with pytest.raises(MarkupError):
        Document(content)


def test_more_elements_than_any_project_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markup, "_MOST_ELEMENTS", 10)
    Document(b"<m>" + b"<a/>" * 9 + b"</m>")
    with pytest.raises(MarkupError, match="smaller projects"):
        Document(b"<m>" + b"<a/>" * 10 + b"</m>")


def edited(text: str, **change: object) -> str:
    for start, end, new in reversed(changed(text, "guides", **change)):  # type: ignore[arg-type]
        text = text[:start] + new + text[end:]
    return text


@pytest.mark.parametrize("text", ["[]", "[\n]\n", '[ {"a":1} ,2]', '[1,\n 2 , [3, "],"]\n]\n'])
def test_what_was_added_to_an_array_can_be_dropped_again(text: str) -> None:
    held = json.loads(text)
    more = edited(text, add=[{"new": True}, "x"])
    assert json.loads(more) == [*held, {"new": True}, "x"]
    assert edited(more, drop={len(held), len(held) + 1}) == text
    assert json.loads(edited(more, drop=set(range(len(held))))) == [{"new": True}, "x"]


@pytest.mark.parametrize("text", ["{}", "[1", "[1,,2]", "[1 2]", "nothing", "[" * 100_000, "[" + "9" * 5000 + "]"])
def test_what_is_no_array_is_refused(text: str) -> None:
    with pytest.raises(HostError, match="guides"):
        items(text, "guides")
