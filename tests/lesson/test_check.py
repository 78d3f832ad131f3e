"""check: right, wrong, not attempted and raised are told apart, and what is wrong is said."""

from __future__ import annotations

import pytest

from protolab.errors import LabError
from protolab.lesson import Outcome, check


def said(id: str, *answer: object) -> tuple[Outcome | None, str]:
    result = check(id, *answer)
    return result.outcome, result.says[0]


def test_the_dots_are_not_an_attempt():
    assert said("sums.value", ...) == said("sums.value") == ("not attempted", "Put your answer in place of the dots.")


def test_a_right_answer_is_told_why():
    assert said("sums.value", 4) == ("right", "Two and two.")


def test_a_known_wrong_answer_gets_its_own_words():
    assert said("sums.value", 5) == ("wrong", "One too many.")
    assert said("sums.value", 3) == ("wrong", "One too few.")
    assert said("sums.value", -4) == ("wrong", "Turn it.")


def test_an_unknown_one_is_not_told_the_answer():
    assert said("sums.value", 12) == ("wrong", "Count again.")


@pytest.mark.parametrize(
    ("id", "answer", "words"),
    [
        ("value", "4", "A number was asked for, and this is a text"),
        ("text", 4, "A text was asked for, and this is a number"),
        ("text", b"client", "these are bytes"),
        ("bytes", "abc", ".encode() makes bytes of it"),
        ("text", None, "a print gives none"),
        ("list", 3, "put it in brackets"),
    ],
)
def test_another_type_is_named(id, answer, words):
    outcome, says = said(f"sums.{id}", answer)
    assert outcome == "wrong" and words in says


def test_text_counts_whatever_its_case_and_true_is_no_number():
    assert check("sums.text", " CLIENT ").outcome == "right"
    assert check("sums.odd", 9).outcome == "right"
    assert check("sums.value", True).outcome == "wrong"


def test_a_tuple_is_as_good_as_a_list():
    assert check("sums.list", (3, 5)).outcome == check("sums.list", [3, 5]).outcome == "right"
    assert check("sums.list", [5, 3]).outcome == "wrong"


def test_the_first_wrong_byte_is_named_with_a_caret_under_it():
    result = check("sums.bytes", b"abC")
    assert result.says[0] == "Byte 2 is the first that is wrong. A small letter."
    assert result.marks == ("byte 0:  61 62 43", " " * 15 + "^^")
    assert check("sums.bytes", b"a").says[0] == "2 bytes too few."
    assert check("sums.bytes", b"abcd").says[0] == "1 byte too many."
    assert check("sums.bytes", bytearray(b"abc")).outcome == "right"


def test_a_function_is_held_against_the_right_one():
    assert check("sums.double", lambda number: number + number).outcome == "right"


async def later(number):
    return 2 * number


def test_a_coroutine_function_is_run_to_its_end():
    assert check("sums.double", later).outcome == "right"


def test_a_function_that_is_wrong_as_a_known_one_gets_its_words():
    assert said("sums.double", lambda number: number**2) == ("wrong", "<lambda>(3) gives 9. That squares.")


def test_a_function_that_is_wrong_in_its_own_way_is_shown_what_it_gives():
    assert said("sums.double", lambda number: 7) == ("wrong", "<lambda>(3) gives 7.")
    assert said("sums.double", lambda number: None)[1].endswith("is a return missing?")


def test_a_function_left_as_it_was_is_not_attempted():
    assert said("sums.double", lambda number: ...) == ("not attempted", "Put your code in place of the dots.")


def test_something_that_is_no_function_is_said():
    assert said("sums.double", 6)[0] == "wrong"
    assert "A function was asked for" in said("sums.double", 6)[1]


def test_what_the_learners_code_raises_is_told_with_the_call():
    assert said("sums.double", lambda number: number / 0) == (
        "raised",
        "<lambda>(3) raised ZeroDivisionError: division by zero.",
    )


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KeyboardInterrupt, "<lambda>(3) was interrupted. Does a loop in it come to its end?"),
        (SystemExit, "<lambda>(3) raised SystemExit."),
    ],
)
def test_an_interrupt_or_an_exit_in_the_learners_code_ends_only_that(error, words):
    def ends(number):
        raise error

    ends.__name__ = "<lambda>"
    assert said("sums.double", ends) == ("raised", words)


class Unspeakable:
    def __repr__(self):
        raise RuntimeError


@pytest.mark.parametrize("id", ["value", "text", "bytes", "double", "own", "odd", "list"])
@pytest.mark.parametrize(
    "answer", [Unspeakable(), 10**5000, "\ud800", b"\0" * 10**6], ids=["no repr", "int", "str", "bytes"]
)
def test_an_answer_that_cannot_be_written_down_or_is_huge_raises_nothing(id, answer):
    result = check(f"sums.{id}", answer)
    assert result.outcome in ("wrong", "raised", "right")
    assert len(result.text()) < 2000


def test_an_answer_that_the_check_stumbles_over_is_told_apart_too():
    outcome, says = said("sums.odd", "four")
    assert outcome == "raised" and "could not make sense of 'four'" in says


def test_a_check_of_its_own_has_verdicts_with_carets_and_stored_words():
    assert said("sums.own", "as it was") == ("not attempted", "Change it.")
    assert said("sums.own", b"ab") == ("right", "So it is.")
    result = check("sums.own", b"xy")
    assert result.says[0] == "Other letters."
    assert result.marks[1].strip() == "^^"


def test_what_was_not_recorded_yet_is_not_attempted():
    assert said("sums.deed") == ("not attempted", "Run the cell above.")


def test_an_unknown_id_names_a_near_one():
    with pytest.raises(LabError, match=r"no question 'sums.valu'.*Did you mean 'sums.value'"):
        check("sums.valu", 4)
    with pytest.raises(LabError, match=r"no exercises on 'sum'.*Did you mean 'sums'"):
        check("sum.value", 4)
    with pytest.raises(LabError, match="something to predict"):
        check("sums.g", 4)
