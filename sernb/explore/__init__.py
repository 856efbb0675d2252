"""Look and listen: points to click, cells to open, corpora to leaf through. Works offline, in JupyterLab.

Every explorer is a widget, shown by being a cell's last line. What was picked can be taken up in the next cell:
`explorer.chosen` is an utterance id, `explorer.selected` a table of several.
"""

from sernb.explore.augmentation import augmentations
from sernb.explore.comparison import compare
from sernb.explore.enrolment import enrol
from sernb.explore.listing import corpus
from sernb.explore.matrix import confusion
from sernb.explore.points import embedding
from sernb.explore.showing import live
from sernb.explore.voice import voice

__all__ = ["augmentations", "compare", "confusion", "corpus", "embedding", "enrol", "live", "voice"]
