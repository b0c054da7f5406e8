"""Hypothesis strategies: token trees and paths in them. Needs hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from tokengrove import TokenTree

__all__ = ["paths_in", "token_trees"]


@st.composite
def token_trees(
    draw: st.DrawFn, *, min_nodes: int = 0, max_nodes: int = 40, vocab_size: int = 16, single_root: bool = False
) -> TokenTree:
    """Token trees of any shape, from chains to stars.

    Args:
        draw: Given by hypothesis.
        min_nodes: Fewest nodes.
        max_nodes: Most nodes.
        vocab_size: Tokens are 0 to this number, exclusive. Siblings may have the same token.
        single_root: Whether node 0 is the only root.

    Returns:
        A strategy for :class:`tokengrove.TokenTree`.
    """
    count = draw(st.integers(min_nodes, max_nodes))
    tokens = draw(st.lists(st.integers(0, vocab_size - 1), min_size=count, max_size=count))
    # How far back a parent may lie: 1 makes chains, the number of nodes makes bushes.
    reach = draw(st.integers(1, max(1, count)))
    parents = []
    for node in range(count):
        lowest = max(node - reach, 0 if single_root and node else -1)
        parents.append(draw(st.integers(lowest, node - 1)))
    return TokenTree(tokens, parents)


@st.composite
def paths_in(draw: st.DrawFn, tree: TokenTree) -> list[int]:
    """Paths of a tree from a root down, the empty one included.

    Args:
        draw: Given by hypothesis.
        tree: The tree.

    Returns:
        A strategy for lists of node numbers.
    """
    if len(tree) == 0 or not draw(st.booleans()):
        return []
    return [int(node) for node in tree.path(draw(st.integers(0, len(tree) - 1)))]
