"""predict and reveal: nothing is given away before a guess, and a wrong guess teaches more than a right one."""

from __future__ import annotations

import json

import pytest

from protolab.errors import LabError
from protolab.lesson import predict, reveal


def test_without_a_guess_the_answer_is_in_no_form_of_the_output():
    predict("sums.g", ...)
    result = reveal("sums.g")
    assert result.outcome == "not attempted"
    assert "4" not in json.dumps(result.bundle()).replace("4px", "") and "Two" not in result.text()


def test_a_right_guess_is_told_why():
    assert predict("sums.g", 4).says == ("Your guess is kept: 4. Now look.",)
    result = reveal("sums.g")
    assert (result.outcome, result.says) == ("right", ("You guessed 4, and so it is.", "Two and two."))


def test_a_wrong_guess_is_told_the_fact_what_is_known_of_it_and_why():
    predict("sums.g", 5)
    result = reveal("sums.g")
    assert result.outcome == "wrong"
    assert result.says == ("You guessed 5. It is 4.", "One too many.", "Two and two.")


@pytest.mark.parametrize(
    ("guess", "words"),
    [("4", "leave the quotes away"), (None, "a print gives none"), (10**5000, "Two and two.")],
    ids=["str", "None", "huge"],
)
def test_a_guess_of_another_type_is_told_so(guess, words):
    predict("sums.g", guess)
    assert any(words in line for line in reveal("sums.g").says)


def test_a_guess_can_be_changed_and_taken_back():
    predict("sums.g", 5)
    predict("sums.g", 4)
    assert reveal("sums.g").outcome == "right"
    predict("sums.g", ...)
    assert reveal("sums.g").outcome == "not attempted"


def test_what_was_not_recorded_or_cannot_be_read_is_said():
    predict("sums.unseen", 1)
    assert reveal("sums.unseen").says == ("Run the cell above.",)
    predict("sums.broken", 1)
    result = reveal("sums.broken")
    assert result.outcome == "raised" and "ZeroDivisionError" in result.says[0]


def test_an_exercise_is_not_to_be_predicted():
    with pytest.raises(LabError, match="is an exercise"):
        predict("sums.value", 4)
