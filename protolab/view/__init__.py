"""Views: pixels and text made from captures, conversations, units, fields and findings.

A **view** is one object with `text()` (complete and aligned, without colour), `html()` (static, readable when every
style is stripped), `json()` (what it says, for programs) and `bundle()`, the three by mime type. A view names no
protocol and decodes nothing. `protolab.show` picks the view for a thing; the classes here are for those who want one.
"""

from protolab.view.base import View
from protolab.view.chart import Chart, Column
from protolab.view.ladder import Ladder
from protolab.view.picture import Picture
from protolab.view.unit import Exchange, Tree, UnitView

__all__ = ["Chart", "Column", "Exchange", "Ladder", "Picture", "Tree", "UnitView", "View"]
