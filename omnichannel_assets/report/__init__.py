"""``omnichannel report``: one self-contained HTML page about a lake, for people who look before they read. Counts only, no personal data.

``page`` puts the sections in order; each section has a module; ``markup`` writes HTML, ``charts`` draws.
"""

from omnichannel_assets.report.page import report_page

__all__ = ["report_page"]
