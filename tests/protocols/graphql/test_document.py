"""GraphQL documents: tokens, nodes and trouble at the places where graphql-core has them, for any text."""

from __future__ import annotations

import random

import graphql
import pytest
from graphql.language import Lexer, TokenKind
from hypothesis import example, given, settings
from hypothesis import strategies as st

from protolab.fields import untiled
from protolab.protocols.graphql import cursor
from protolab.protocols.graphql.document import Document
from protolab.protocols.graphql.parser import parse
from protolab.protocols.graphql.tokens import IGNORED, block_value, string_value, tokens

CORPUS = [
    "{ a }",
    "query Q($id: ID! = \"1\", $list: [[Int!]!]! @d(a: 1)) @live { u: user(id: $id) { ...F ... @skip(if: $no) { b } } }",
    "mutation($input: In!) { create(input: {a: $input, b: [1 -2.5e+3 \"s\" true null ENUM], c: {}}) { id } }",
    "subscription OnPost { postCreated { id } } # the end",
    "fragment F on User @x { name ... on Admin { rights } }\nquery { ...F }",
    'query { a(b: """\n  block "text"\n    more \\""" \n""", c: "caf\\u00e9 \\u{1F600} \\ud83d\\ude00") }',
    "\ufeffquery\r\nQ,,,{\ta\r}",
    "query query { query on: on { fragment: fragment } }",
    "{ on { true null } }",
    '"described" query Q { a }',
    "schema @d { query: Q mutation: M } extend schema @d extend schema { subscription: S } query { a } extend scalar X @d",
    'type A implements & B & C @d { "d" a("d" x: Int = {a: 1} @d, y: [X]!): T! @d } extend type A implements B extend type A @d',
    "interface I implements A { a: B } union U @d = | A | B union V extend union U = A scalar X @d { a } fragment F on T { a }",
    '"d" enum E { "d" A @d on } input In { a: X = [1] } directive @d("d" a: Int) repeatable on | FIELD | QUERY extend input I @d',
    "query ($a: Int = 1 $b: [String] = [\"x\"]) { a(x: $a, y: $b) }",
]  # fmt: skip
BROKEN = [
    "",
    " ",
    "{",
    "{ a(b: ) }",
    "{ a(b 1) }",
    "{ a() }",
    "query Q(",
    "query Q() { a }",
    "fragment on on User { a }",
    "{ ...on }",
    "{ ... on 1 { a } }",
    "query { a } }",
    "{ a: }",
    "{ a(b: 01) }",
    "{ a(b: 1.) }",
    "{ a(b: 1a) }",
    "{ a(b: .5) }",
    '{ a(b: "x) }',
    '{ a(b: "\\q") }',
    '{ a(b: "\\ud800") }',
    '{ a(b: """x) }',
    "{ .. a }",
    "{ a @ }",
    "query ($a Int) { a }",
    "query ($a: Int! !) { a }",
    "query ($a: [Int) { a }",
    "query ($a: Int = $b) { a }",
    "{ a(b: {c}) }",
    "{ ? }",
    '{ a(b: "\n") }',
    "fragment F { a }",
    "fragment F on User",
    "subscription",
    "nonsense { a }",
    '{ a(b: "\\u{110000}") }',
    "{ a(b: -) }",
    "{ a(b: 0x1) }",
    "{ a(b: 1e) }",
    "{ \u00e9 }",
    '"d" { a }',
    '"d" extend type A @d',
    '"d"',
    '"d" 1',
    "extend",
    "extend type A",
    "extend schema",
    "schema @d",
    "schema { query: 1 }",
    "schema { other: Q }",
    "type A { }",
    "type A { a }",
    "type A implements { a: B }",
    "type A { a: B = 1 }",
    "union U = ",
    "enum E { true }",
    "input I { a: B = $c }",
    "directive @d on",
    "directive @d on NOWHERE",
    "directive d on FIELD",
    "scalar X { a }} query { a }",
]
PIECES = st.sampled_from(
    [
        *"{}()[]!$:=@|&,.",
        "...",
        "query",
        "mutation",
        "fragment",
        "on",
        "a",
        "F",
        "User",
        "true",
        "null",
        "1",
        "-1.5e3",
        "0",
        "01",
        "1.",
        '"s"',
        '"\\u00e9"',
        '"\\x"',
        '"',
        '"""b"""',
        '"""',
        "#c\n",
        "\n",
        "\r\n",
        "\t",
        " ",
        "\ufeff",
        "\u00e9",
        "\x00",
    ]
)
texts = st.lists(PIECES, max_size=14).map("".join) | st.lists(PIECES, max_size=14).map(" ".join)


def offsets(text: str) -> list[int]:
    """For each character of the text, and its end, the byte where it begins."""
    found = [0]
    for char in text:
        found.append(found[-1] + len(char.encode()))
    return found


def theirs(text: str) -> tuple[list[tuple[int, int]], bool]:
    """graphql-core's tokens as ranges of bytes, and whether it found trouble."""
    lexer, at, found = Lexer(graphql.Source(text)), offsets(text), []
    try:
        while (token := lexer.advance()).kind is not TokenKind.EOF:
            found.append((at[token.start], at[token.end]))
    except graphql.GraphQLSyntaxError:
        return found, True
    return found, False


def core(text: str) -> graphql.DocumentNode:
    """graphql-core's document; by default it would take empty selection sets, which section 2.5 does not know."""
    return graphql.parse(text, allow_empty_selection_sets=False)


@given(texts)
@settings(max_examples=200, deadline=None)
@example('{ a(b: """\\""" """) }')
@example('""')
@example('""""""')
def test_tokens_are_those_of_graphql_core(text: str) -> None:
    found = tokens(text.encode())
    assert [token.start for token in found] == [0, *[token.end for token in found[:-1]]][: len(found)]
    assert (found[-1].end if found else 0) == len(text.encode())
    mine = [token for token in found if token.kind not in IGNORED]
    good = [(token.start, token.end) for token in mine]
    wrong = next((index for index, token in enumerate(mine) if token.wrong), None)
    expected, trouble = theirs(text)
    assert (wrong is not None) == trouble, (text, mine)
    assert good[:wrong] == expected


NODES = {
    "field": "field", "argument": "argument", "directive": "directive", "fragment_spread": "fragment spread",
    "inline_fragment": "inline fragment", "operation_definition": "operation", "fragment_definition": "fragment",
    "variable_definition": "variable definition", "selection_set": "selection set",
}  # fmt: skip


def nodes(text: str) -> set[tuple[str, int, int]]:
    """graphql-core's nodes as ranges of bytes."""
    at, found = offsets(text), set()

    class Visitor(graphql.Visitor):
        def enter(self, node: graphql.Node, *_: object) -> None:
            if node.kind in NODES and node.loc is not None:
                found.add((NODES[node.kind], at[node.loc.start], at[node.loc.end]))

    graphql.visit(core(text), Visitor())
    return found


def checked(text: str) -> Document:
    found = parse(text.encode())
    assert untiled(found.field) is None, untiled(found.field)
    assert (found.field.start, found.field.end) == (0, len(found.data))
    return found


@pytest.mark.parametrize("text", CORPUS)
def test_nodes_stand_where_graphql_core_has_them(text: str) -> None:
    found = checked(text)
    assert found.problem is None
    mine = {(field.name, field.start, field.end) for _, field in found.field.walk() if field.name in NODES.values()}
    assert mine == nodes(text)


@pytest.mark.parametrize("text", BROKEN)
def test_trouble_is_at_the_token_where_graphql_core_has_it(text: str) -> None:
    found = checked(text)
    assert found.problem is not None and found.problem.says
    with pytest.raises(graphql.GraphQLSyntaxError) as caught:
        core(text)
    position = offsets(text)[(caught.value.positions or [0])[0]]
    if any(token.wrong for token in found.tokens):  # it points inside a token that is none, at the character
        assert found.problem.start <= position <= max(found.problem.end, found.problem.start + 1)
    else:
        assert found.problem.start == position


@given(texts)
@settings(max_examples=200, deadline=None)
def test_what_graphql_core_parses_is_parsed_and_what_it_refuses_is_trouble(text: str) -> None:
    found = checked(text)
    try:
        expected = nodes(text)
    except graphql.GraphQLSyntaxError:
        assert found.problem is not None, text
        return
    assert found.problem is None, (text, found.problem)
    assert {(f.name, f.start, f.end) for _, f in found.field.walk() if f.name in NODES.values()} == expected


PLAIN = [text for text in CORPUS if "\ufeff" not in text]


@pytest.mark.parametrize("text", PLAIN)
@pytest.mark.parametrize("seed", range(12))
def test_a_document_with_a_token_missing_or_too_many_is_trouble_where_graphql_core_has_it(text: str, seed: int) -> None:
    chance = random.Random(f"{seed} {text}")
    parts = [text.encode()[token.start : token.end].decode() for token in parse(text.encode()).tokens]
    at = chance.randint(0, len(parts))
    parts[at : at + chance.randint(0, 1)] = chance.sample(sorted(set(parts)), chance.randint(0, 1))
    changed = " ".join(parts)
    found = checked(changed)
    try:
        core(changed)
        expected = None
    except graphql.GraphQLSyntaxError as error:
        expected = offsets(changed)[(error.positions or [0])[0]]
    assert (found.problem.start if found.problem else None) == expected, (changed, found.problem)


@given(st.text())
def test_any_text_is_taken_apart(text: str) -> None:
    checked(text.encode("utf-8", "replace").decode())


@given(st.binary())
def test_any_bytes_are_taken_apart(data: bytes) -> None:
    assert untiled(parse(data).field) is None


def test_values_are_what_graphql_core_reads() -> None:
    text = CORPUS[5]
    values = {field.value for _, field in parse(text.encode()).field.walk() if field.name in ("string", "block string")}
    arguments = graphql.parse(text).definitions[0].selection_set.selections[0].arguments  # type: ignore[union-attr]
    assert values == {argument.value.value for argument in arguments}


@given(st.text(st.sampled_from('ab \t\n\r\\"'), max_size=20))
def test_block_strings_are_dedented_as_graphql_core_does(text: str) -> None:
    token = f'"""{text.replace(chr(34) * 3, "")}"""'
    found = tokens(token.encode())
    if len(found) == 1 and found[0].kind == "block string":
        assert block_value(token) == Lexer(graphql.Source(token)).advance().value
    if len(found) == 1 and found[0].kind == "string":
        assert string_value(token) == Lexer(graphql.Source(token)).advance().value


@pytest.mark.parametrize("number", range(len(CORPUS)))
def test_a_place_in_lines_and_columns_leads_to_its_token(number: int) -> None:
    text = CORPUS[number]
    found, at = checked(text), offsets(text)
    lexer = Lexer(graphql.Source(text))
    while (token := lexer.advance()).kind is not TokenKind.EOF:
        if "\ufeff" in text and token.line == 1:
            continue  # whether the mark counts as a column is not said
        mine = found.at(token.line, token.column)
        assert mine is not None and (mine.start, mine.end) == (at[token.start], at[token.end])
    assert found.at(1, 10_000) is None and found.at(99, 1) is None and found.at(1, 0) is None


WIDE = '{ a(b: "\U0001f600\u00e9") nope }'


@pytest.mark.parametrize("column", [14, 15, 18], ids=["characters", "UTF-16 units", "bytes"])
def test_a_column_may_count_characters_or_utf16_units_or_bytes(column: int) -> None:
    token = parse(WIDE.encode()).at(1, column)
    assert token is not None and WIDE.encode()[token.start : token.end] == b"nope"


@pytest.mark.parametrize(
    ("text", "line", "column"), [("{ a", 1, 4), ("{ a\n", 2, 1), ("", 1, 1), ('{ a(b: "x\n', 1, 10)]
)
def test_the_end_of_a_line_is_a_place_where_nothing_stands(text: str, line: int, column: int) -> None:
    token = parse(text.encode()).at(line, column)
    assert token is not None and token.start == token.end


def test_operations_are_chosen_by_name_and_paths_lead_to_selections() -> None:
    text = "query A { u: user { ...F } } query B { b } fragment F on User { posts { ... on Post { title } } }"
    found = parse(text.encode())
    assert found.operation(None) is None and found.operation("C") is None
    operation = found.operation("A")
    assert operation is not None and str(operation) == "query A { u }"
    selection = found.select(operation, ["u", "posts", 3, "title"])
    assert selection is not None and text[selection.start : selection.end] == "title"
    assert found.select(operation, ["u", "nothing"]) is None
    assert parse(b"{ a }").operation(None) is not None


def test_an_empty_selection_set_is_trouble() -> None:
    problem = checked("{ a {} }").problem
    assert problem is not None and (problem.start, problem.says) == (5, "a name must stand here")


def test_fragments_that_spread_each_other_end() -> None:
    found = parse(b"query($a: Int) { ...F } fragment F on Q { ...G x(y: $a) } fragment G on Q { ...F }")
    operation = found.operations[0]
    assert [use.name for use in found.uses(operation)] == ["a"]
    assert found.select(operation, ["x"]) is not None and found.select(operation, ["z"]) is None


@pytest.mark.parametrize(
    "text", ["{a" * 20_000, "{a(b:" + "[" * 20_000, "query($a:" + "[" * 20_000, "{a(b:" + "{c:" * 20_000]
)
def test_no_depth_exhausts_the_stack(text: str) -> None:
    found = checked(text)
    assert found.problem is not None or "deeper" in "".join(field.note for _, field in found.field.walk())


def test_what_is_too_deep_stays_whole_and_is_no_fault() -> None:
    deep = "[" * (cursor.DEEPEST + 6) + "1" + "]" * (cursor.DEEPEST + 6)
    found = checked("{ a(b: " + deep + ", c: 2) d }")
    assert found.problem is None
    (whole,) = [field for field in found.field.leaves() if field.name == "unparsed"]
    assert found.data[whole.start : whole.end].count(b"[") == 6 + 2, "below a selection set and its arguments"
