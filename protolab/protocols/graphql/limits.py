"""How much one request may ask for, and the walk over a document that measures it.

A document of a few bytes can ask for millions of values: deeply nested lists, one field under a thousand aliases,
fragments that spread fragments. These bounds are looked at before validation, whose cost grows with the document too.
"""

from __future__ import annotations

from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    OperationDefinitionNode,
    SelectionSetNode,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one request; what is above one is refused, before anything runs where that can be.

    tokens, depth, aliases, fields: of a document, once every fragment is spread. listed: users and posts in all the lists of
    an answer, since lists in lists multiply. body (bytes), uri and headers (characters): of the HTTP message, whose body may
    take body_seconds to arrive. batch: requests in one array. errors: told of one document. seconds: that a request may run.
    documents: that are cached, and as many persisted ones kept.
    """

    tokens: int = 1000  # validation grows with their square: these may cost a third of a second
    depth: int = 15  # what the introspection query of every tool needs
    aliases: int = 30
    fields: int = 500
    listed: int = 10_000
    body: int = 2**17
    uri: int = 2**13
    headers: int = 2**14
    batch: int = 10
    errors: int = 20
    seconds: float = 30.0
    body_seconds: float = 10.0
    documents: int = 500


class _Cost:
    """What a selection set comes to: how deep, how many fields and aliases."""

    __slots__ = ("aliases", "depth", "fields")

    def __init__(self) -> None:
        self.depth = self.fields = self.aliases = 0


def check(document: DocumentNode, limits: Limits) -> list[GraphQLError]:
    """What in a document is above the limits, one error for each operation and bound. Each fragment is walked once."""
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    known: dict[str, _Cost] = {}
    errors = []
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            cost = _measure(node.selection_set, fragments, known)
            for name in ("depth", "aliases", "fields"):
                if (asked := getattr(cost, name)) > (most := getattr(limits, name)):
                    what = {"depth": "levels deep", "aliases": "aliases", "fields": "fields"}[name]
                    message = (
                        f"This operation is {asked} {what}" if name == "depth" else f"This operation has {asked} {what}"
                    )
                    errors.append(
                        GraphQLError(f"{message}, and {most} are the limit.", node, extensions={"code": "LIMIT"})
                    )
    return errors


def _measure(
    selection_set: SelectionSetNode | None, fragments: dict[str, FragmentDefinitionNode], known: dict[str, _Cost]
) -> _Cost:
    total = _Cost()
    for selection in selection_set.selections if selection_set else ():
        if isinstance(selection, FragmentSpreadNode):
            name = selection.name.value
            if name not in known:
                known[name] = _Cost()  # what a fragment that spreads itself finds; validation refuses it
                if name in fragments:
                    known[name] = _measure(fragments[name].selection_set, fragments, known)
            inner = known[name]
        else:
            inner = _measure(selection.selection_set, fragments, known)  # type: ignore[attr-defined]
        below = isinstance(selection, FieldNode)
        total.depth = max(total.depth, inner.depth + below)
        total.fields += inner.fields + below
        total.aliases += inner.aliases + (isinstance(selection, FieldNode) and selection.alias is not None)
    return total
