"""Every exercise, in its lesson, live: as it stands it is not attempted, the right answer is right, and each wrong one is
told what is wrong with it in words of its own. An exercise that is solved already, or whose solution fails, fails here.
"""

from __future__ import annotations

import re

import pytest

from protolab.lesson import Exercise, Guess, Outcome, library
from protolab.lesson.result import shown
from tests.notebooks.classroom import cells, outcome, sit, source

TOPICS = [topic.name for topic in library.topics()]
QUESTIONS = [(topic.name, id) for topic in library.topics() for id in topic.ids]
EXERCISES = [(name, id) for name, id in QUESTIONS if isinstance(library.find(id), Exercise)]
GUESSES = [(name, id) for name, id in QUESTIONS if isinstance(library.find(id), Guess)]

pytestmark = pytest.mark.live
exercises = pytest.mark.parametrize(("topic", "id"), EXERCISES, ids=[id for _, id in EXERCISES])
guesses = pytest.mark.parametrize(("topic", "id"), GUESSES, ids=[id for _, id in GUESSES])


@pytest.mark.parametrize("name", TOPICS)
def test_a_lesson_asks_each_of_its_questions_once_and_no_other(name):
    topic = library.topic(name)
    code = "\n".join(cells(source(topic)))
    asked = re.findall(r'\b(?:check|predict)\("([^"]+)"', code)
    assert sorted(asked) == sorted(topic.ids)
    assert re.findall(r'\breveal\("([^"]+)"', code) == [id for id in asked if isinstance(library.find(id), Guess)]


@exercises
def test_an_untouched_exercise_is_not_attempted(topic, id):
    assert outcome(sit(topic).untouched[id]) is Outcome.UNTOUCHED


@exercises
def test_the_solution_is_right(topic, id):
    result = sit(topic).right[id]
    assert outcome(result) is Outcome.RIGHT, str(result)


@exercises
def test_wrong_answers_are_wrong_and_each_is_told_why_in_its_own_words(topic, id):
    told = sit(topic).wrong[id]
    assert len(told) >= 3
    assert {one.answer: outcome(one.result) for one in told} == {one.answer: Outcome.WRONG for one in told}
    for one in told:
        assert one.stored and one.stored in one.result.says[0], one.answer
    words = [one.stored for one in told]
    assert len(set(words)) == len(words)
    messages = [(one.result.says, one.result.marks) for one in told]
    assert len(set(messages)) == len(messages)


@exercises
def test_there_are_hints_and_none_of_them_is_the_whole_solution(topic, id):
    exercise = library.find(id)
    assert exercise.hints and exercise.question
    assert not [hint for hint in exercise.hints if exercise.solution.strip('"') in hint]


@exercises
def test_no_solution_stands_in_the_notebook(topic, id):
    solution = library.find(id).solution
    if len(solution) > 20:
        assert solution not in "\n".join(cells(source(library.topic(topic))))


@guesses
def test_before_a_guess_nothing_is_given_away(topic, id):
    result = sit(topic).untouched[id]
    assert outcome(result) is Outcome.UNTOUCHED
    fact = re.search(r"It is (.*?)\.$", sit(topic).wrong[id][0].result.says[0], re.MULTILINE)
    assert fact and not re.search(rf"\b{re.escape(fact[1])}\b", str(result))


@guesses
def test_a_wrong_guess_is_told_the_fact_and_the_right_one_that_it_is_so(topic, id):
    sat = sit(topic)
    right, wrong = sat.right[id], sat.wrong[id]
    assert outcome(right) is Outcome.RIGHT, str(right)
    fact = re.search(r"You guessed (.*), and so it is\.", right.says[0])
    assert fact
    for one in wrong:
        assert outcome(one.result) is Outcome.WRONG, one.answer
        assert one.result.says[0].endswith(f"It is {fact[1]}.")
        assert one.stored in one.result.says if one.stored else shown(one.answer.strip("'")) in one.result.says[0]
        assert one.result.says[-1] == right.says[-1]  # why
