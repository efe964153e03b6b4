"""How good the answers are, over a labelled folder: the instrument behind ``evaluate``.

``collection.py`` has the embeddings made by the ordinary index, ``truth.py`` defines what is right,
``asking.py`` ranks as the product does, ``metrics.py`` and ``pairs.py`` are the measures,
``protocol.py`` puts it together, ``comparing.py`` compares two sets of models, and ``report.py``
writes it down.
"""

from image_search.evaluation.collection import Collection
from image_search.evaluation.figures import Evaluation
from image_search.evaluation.protocol import evaluate
from image_search.evaluation.truth import TRUTHS, Truth

__all__ = ["TRUTHS", "Collection", "Evaluation", "Truth", "evaluate"]
