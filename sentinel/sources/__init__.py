"""Where events come from besides HTTP: one file a format, all behind one protocol.

A new source is one module with a function ``read`` (see :class:`sentinel.sources.line.Source`) and one
entry in :data:`SOURCES`; the tests over all sources then hold for it too.
"""

from typing import Final

from sentinel.errors import SourceError
from sentinel.sources import native, rba, sshd
from sentinel.sources.line import Line, Options, Source, cut

#: By the name that ``--from`` takes.
SOURCES: Final[dict[str, Source]] = {
    "native": native.read,
    "rba": rba.read,
    "sshd": sshd.read,
}

__all__ = ["SOURCES", "Line", "Options", "Source", "SourceError", "cut"]
