"""Views: pixels and text made from captures, conversations, units, fields and findings.

A **view** is one object with `text()` (complete and aligned, without colour), `html()` (static, readable when every
style is stripped), `json()` (what it says, for programs) and `bundle()`, the three by mime type. A view names no
protocol and decodes nothing. `protolab.show` picks the view for a thing; the classes here are for those who want one.
"""

from protolab.view.base import View
from protolab.view.chart import Chart, Column
from protolab.view.ladder import Ladder
from protolab.view.ledger import Change, Entry, Ledger
from protolab.view.levels import Levels, Series
from protolab.view.picture import Picture
from protolab.view.timeline import Mark, Timeline
from protolab.view.unit import Exchange, Tree, UnitView

__all__ = [
    "Change",
    "Chart",
    "Column",
    "Entry",
    "Exchange",
    "Ladder",
    "Ledger",
    "Levels",
    "Mark",
    "Picture",
    "Series",
    "Timeline",
    "Tree",
    "UnitView",
    "View",
]
