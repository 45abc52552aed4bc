"""The AVFoley panel."""

import sys

import PySide6

if PySide6.__version__ == "6.12.0" and sys.version_info < (3, 12):
    # Each call that returns nothing releases one reference to None too many, until Python aborts.
    raise ImportError("PySide6 6.12.0 ends this version of Python after a while; pip install 'pyside6!=6.12.0'")
