"""Interchange formats of other programs: FCPXML, FCP7 XML, AAF, EDL, and lists of markers as CSV."""

from avfoley_plugin.hosts.interchange.formats import FORMATS, Format, read_interchange, write_interchange
from avfoley_plugin.hosts.interchange.host import InterchangeFile
from avfoley_plugin.hosts.interchange.marker_list import marker_list

__all__ = ["FORMATS", "Format", "InterchangeFile", "marker_list", "read_interchange", "write_interchange"]
