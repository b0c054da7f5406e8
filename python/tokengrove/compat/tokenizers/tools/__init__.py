"""Tools around tokenizers: a view of an encoding as HTML."""

from tokengrove.compat.tokenizers.tools.visualizer import Annotation as Annotation
from tokengrove.compat.tokenizers.tools.visualizer import EncodingVisualizer as EncodingVisualizer

__all__ = ["Annotation", "EncodingVisualizer"]
