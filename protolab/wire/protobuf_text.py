"""Print a .proto file from its descriptor, comments included: what compiles to the same descriptor again."""

from __future__ import annotations

from collections.abc import Iterator

from protolab.wire.protobuf_schema import Parts, Schema, comments_of, features_of, inner, parts, text, whole

_Path = tuple[int, ...]


def proto(schema: Schema, file: str) -> str:
    """The text of a file of the schema ("user_service.proto"). KeyError: it has no such file.

    Options are printed where they say how bytes are written (packed, default) or that something is deprecated.
    """
    return "\n".join(_Printer(schema, schema.files[file]).lines()) + "\n"


class _Printer:
    def __init__(self, schema: Schema, data: bytes) -> None:
        self.schema = schema
        self.file = parts(data)
        self.package = text(self.file, 2)
        self.comments = comments_of(data)

    def lines(self) -> Iterator[str]:
        edition = whole(self.file, 14) + 1023  # EDITION_2023 is 1000, and so on by years
        syntax = text(self.file, 12) or "proto2"
        yield f'edition = "{edition}";' if syntax == "editions" else f'syntax = "{syntax}";'
        if self.package:
            yield from ("", f"package {self.package};")
        if options := [*_options(self.file, 8, 50, "")]:
            yield from ("", *options)
        imports = [value.decode(errors="replace") for value in self.file.get(3, []) if isinstance(value, bytes)]
        if imports:
            yield from ("", *(f'import "{name}";' for name in imports))
        for number, service in enumerate(inner(self.file, 6)):
            yield from ("", *self.service(service, (6, number)))
        for number, enum in enumerate(inner(self.file, 5)):
            yield from ("", *self.enum(enum, (5, number), ""))
        for number, message in enumerate(inner(self.file, 4)):
            yield from ("", *self.message(message, (4, number), "", self.package))

    def said(self, path: _Path, indent: str) -> Iterator[str]:
        """The comment before a declaration."""
        if comment := self.comments.get(path):
            yield f"{indent}// {comment}"

    def service(self, service: Parts, path: _Path) -> Iterator[str]:
        name = text(service, 1)
        yield from self.said(path, "")
        yield f"service {name} {{"
        full = ".".join(filter(None, (self.package, name)))
        for number, method in enumerate(inner(service, 2)):
            yield from self.said((*path, 2, number), "  ")
            yield f"  {self.schema.methods[f'/{full}/{text(method, 1)}'].declared}"
        yield "}"

    def enum(self, enum: Parts, path: _Path, indent: str) -> Iterator[str]:
        yield from self.said(path, indent)
        yield f"{indent}enum {text(enum, 1)} {{"
        yield from _options(enum, 3, 7, f"{indent}  ")
        values = inner(enum, 2)
        numbers = [whole(value, 2) - (2**64 if whole(value, 2) >= 2**63 else 0) for value in values]
        if len(set(numbers)) < len(numbers):
            yield f"{indent}  option allow_alias = true;"
        for place, (value, number) in enumerate(zip(values, numbers, strict=True)):
            yield from self.said((*path, 2, place), f"{indent}  ")
            yield f"{indent}  {text(value, 1)} = {number};"
        yield f"{indent}}}"

    def message(self, message: Parts, path: _Path, indent: str, scope: str) -> Iterator[str]:
        name = text(message, 1)
        full = ".".join(filter(None, (scope, name)))
        yield from self.said(path, indent)
        yield f"{indent}message {name} {{"
        deeper = f"{indent}  "
        yield from _options(message, 7, 12, deeper)
        for number, enum in enumerate(inner(message, 4)):
            yield from self.enum(enum, (*path, 4, number), deeper)
        for number, nested in enumerate(inner(message, 3)):
            if not self.schema.messages[f"{full}.{text(nested, 1)}"].entry:  # a map's pairs are written with its field
                yield from self.message(nested, (*path, 3, number), deeper, full)
        yield from self.fields(message, path, deeper, full)
        yield from self.reserved(message, deeper)
        yield f"{indent}}}"

    def fields(self, message: Parts, path: _Path, indent: str, full: str) -> Iterator[str]:
        inside = ""  # the oneof whose fields are printed
        fields = self.schema.messages[full].fields
        for place, descriptor in enumerate(inner(message, 2)):
            field = fields[whole(descriptor, 3)]
            if field.oneof != inside:
                if inside:
                    yield f"{indent}}}"
                if field.oneof:
                    yield f"{indent}oneof {field.oneof} {{"
                inside = field.oneof
            deeper = f"{indent}  " if inside else indent
            yield from self.said((*path, 2, place), deeper)
            yield f"{deeper}{field.declared}"
        if inside:
            yield f"{indent}}}"

    def reserved(self, message: Parts, indent: str) -> Iterator[str]:
        for span in inner(message, 9):
            first, last = whole(span, 1), whole(span, 2) - 1  # the descriptor's end is exclusive
            yield f"{indent}reserved {first if first == last else f'{first} to {last}'};"
        for name in message.get(10, []):
            if isinstance(name, bytes):
                yield f'{indent}reserved "{name.decode(errors="replace")}";'


def _options(declaration: Parts, options: int, number: int, indent: str) -> Iterator[str]:
    """The features that a file, a message or an enum sets for what is in it."""
    for feature, value in features_of(declaration, options, number).items():
        yield f"{indent}option features.{feature} = {value};"
