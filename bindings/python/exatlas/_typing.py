"""Names for annotations that the typing module does not have in every Python.

They are there at run time too: a framework that reads the annotations of a method, for a tool or a dependency, finds
what they name. Before Python 3.11, where only typing_extensions would have them, they say nothing.

pydantic, and so FastAPI, takes no TypedDict of the typing module before Python 3.12, and brings typing_extensions along:
where that is installed its TypedDict is used.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING or sys.version_info >= (3, 12):
    from typing import TypedDict
else:
    try:
        from typing_extensions import TypedDict
    except ImportError:
        from typing import TypedDict

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack
elif sys.version_info >= (3, 11):
    from typing import Self, Unpack
else:
    Self = Any

    class Unpack:
        def __class_getitem__(cls, params: Any) -> Any:
            return Any


__all__ = ["Self", "TypedDict", "Unpack"]
