"""What the writers of bin, tracks and captions share: the project, its patch, and names that are not taken yet."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any

from avfoley_plugin.hosts.kdenlive.json_array import changed, items
from avfoley_plugin.hosts.kdenlive.markup import Element, Patch, property_tag
from avfoley_plugin.hosts.kdenlive.project import DOCUMENT, Project
from avfoley_plugin.hosts.kdenlive.records import RECORD_PROPERTY, Record, record, stored_takes

#: What our bin folder and our category of guides are called.
NAME = "AVFoley"

_CATEGORIES = f"{DOCUMENT}guidesCategories"
_CATEGORY_LIST = "guide categories"
_COLOR = "#00a0a0"
_COLORS = ("#9b59b6", "#3daee9", "#1abc9c", "#1cdc9a", "#c9ce3b", "#fdbc4b", "#f39c1f", "#f47750", "#da4453")
#: Kdenlive's own categories, for a project that does not say which it has.
_DEFAULTS = [{"color": color, "comment": f"Category {i + 1}", "index": i} for i, color in enumerate(_COLORS)]


class Changes:
    """The changes to one project. ``record`` is what the project will say is ours, ``stored`` the takes it has now."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.patch = Patch(project.document)
        self.record: Record = record(project).model_copy(deep=True)
        self.stored = stored_takes(project)
        self._ids = {element.attributes["id"] for element in project.root.descendants() if "id" in element.attributes}
        names = [*project.bin_clips, *(number for number, _ in self.folders())]
        numbers = [int(name) for name in names if name.isascii() and name.isdigit() and len(name) < 9]
        self._last_bin_id = max(numbers, default=1)
        self._category: int | None = None
        #: The number of the bin folder that these changes make.
        self.made_folder: str | None = None

    def new_id(self, what: str) -> str:
        """An id that no element of the file has."""
        names = (f"avfoley_{what}{number}" for number in itertools.count())
        name = next(name for name in names if name not in self._ids)
        self._ids.add(name)
        return name

    def new_bin_id(self) -> str:
        """A ``kdenlive:id`` that neither a clip nor a folder of the bin has."""
        self._last_bin_id += 1
        return str(self._last_bin_id)

    def folders(self) -> Iterator[tuple[str, Element]]:
        """The folders of the bin: their numbers, and the properties that name them."""
        for element in self.project.main_bin["property"]:
            name = element.attributes.get("name", "")
            if name.startswith("kdenlive:folder."):
                yield name.rpartition(".")[2], element

    def set_property(self, owner: Element, name: str, text: str) -> None:
        """Gives an element a property; what it had of that name goes."""
        element = owner.property(name)
        if element is None:
            self.add_child(owner, property_tag(name, text))
        elif element.text != text:
            self.patch.set_text(element, text)

    def add_child(self, owner: Element, text: str) -> None:
        """Puts a child before an element's others."""
        if owner.children:
            self.patch.insert_before(owner.children[0], text)
        else:
            self.patch.append(owner, text)

    def category(self) -> int:
        """The number of our category of guides, which is made if there is none."""
        if self._category is None:
            present = [item.value for item in items(self._categories, _CATEGORY_LIST)]
            ours = next((value["index"] for value in present if _is_ours(value, None)), None)
            self._category = self._make_category(present) if ours is None else ours
        self.record.category = self._category
        return self._category

    def drop_category(self) -> None:
        """Takes our category out again."""
        element = self.project.main_bin.property(_CATEGORIES)
        number = self.record.category
        if element is not None and number is not None:
            present = items(element.text, _CATEGORY_LIST)
            mine = {index for index, item in enumerate(present) if _is_ours(item.value, number)}
            left = [item.value for index, item in enumerate(present) if index not in mine]
            if self.record.added_categories and left == _DEFAULTS:
                self.patch.remove(element)
            else:
                self.patch.edit_text(element, changed(element.text, _CATEGORY_LIST, mine))
        self.record.category, self.record.added_categories = None, False

    def write_record(self) -> None:
        """Has the project say what of it is ours, or nothing, if nothing is."""
        self.record.sequences = {name: mine for name, mine in self.record.sequences.items() if not mine.empty}
        owner = self.project.main_bin
        if self.record != Record():
            self.set_property(owner, RECORD_PROPERTY, self.record.model_dump_json(exclude_defaults=True))
        elif (element := owner.property(RECORD_PROPERTY)) is not None:
            self.patch.remove(element)

    @property
    def _categories(self) -> str:
        return self.project.main_bin.properties.get(_CATEGORIES, "")

    def _make_category(self, present: list[Any]) -> int:
        new = [] if present else list(_DEFAULTS)
        numbers = [value.get("index") for value in [*present, *new] if isinstance(value, Mapping)]
        number = max((index for index in numbers if isinstance(index, int)), default=-1) + 1
        new.append({"color": _COLOR, "comment": NAME, "index": number})
        element = self.project.main_bin.property(_CATEGORIES)
        if element is None:
            self.add_child(self.project.main_bin, property_tag(_CATEGORIES, json_text(new)))
        else:
            self.patch.edit_text(element, changed(element.text, _CATEGORY_LIST, add=new))
        self.record.added_categories = not present
        return number


def json_text(value: list[Any]) -> str:
    """A JSON array as Kdenlive writes it."""
    return json.dumps(value, indent=4, ensure_ascii=False) + "\n"


def _is_ours(value: Any, number: int | None) -> bool:
    if not isinstance(value, Mapping) or value.get("comment") != NAME or not isinstance(value.get("index"), int):
        return False
    return number is None or value["index"] == number
