"""hint counts down, and solution comes last."""

from __future__ import annotations

from protolab.lesson import check, hint, solution


def test_hints_come_one_by_one_and_say_how_many_are_left():
    first, second, again = (hint("sums.value") for _ in range(3))
    assert (first.head, first.says) == ("hint 1 of 2", ("1 more is left.", "1. Count."))
    assert second.says == ('That was the last; solution("sums.value") is next.', "1. Count.", "2. On your fingers.")
    assert again.text() == second.text()


def test_a_wrong_answer_points_to_the_hints_that_are_left_and_then_to_the_solution():
    assert check("sums.value", 5).says[-1] == 'hint("sums.value") helps: 2 left.'
    hint("sums.value"), hint("sums.value")
    assert check("sums.value", 5).says[-1] == 'solution("sums.value") shows one way.'


def test_the_solution_waits_for_the_last_hint():
    assert solution("sums.value").code == ""
    hint("sums.value")
    assert "1 hint first" in solution("sums.value").says[0]
    hint("sums.value")
    assert solution("sums.value").code == "2 + 2"


def test_the_solution_comes_with_a_right_answer():
    check("sums.double", lambda number: number * 2)
    shown = solution("sums.double")
    assert shown.code == "def double(number):\n    return 2 * number"
    assert "    def double(number):\n        return 2 * number" in shown.text()


def test_an_instructors_edition_waits_for_nothing(monkeypatch):
    monkeypatch.setenv("PROTOLAB_SOLUTIONS", "on")
    assert solution("sums.value").code == "2 + 2"


def test_an_exercise_without_hints_says_so():
    assert hint("sums.text").head == "no hints"
