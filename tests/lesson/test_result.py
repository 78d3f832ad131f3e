"""What is seen: a sign beside each colour, a live region, every fact in each form; and the table of progress."""

from __future__ import annotations

import html
import re

import pytest

from protolab.lesson import check, hint, predict, progress, reveal, solution


def stripped(source: str) -> str:
    """HTML without its tags and attributes, as GitHub or a screen reader leaves it."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", source)).split())


def results():
    yield check("sums.value", 4)
    yield check("sums.value", 5)
    yield check("sums.value", ...)
    yield check("sums.double", lambda number: 1 / 0)
    yield check("sums.bytes", b"a<C")
    yield hint("sums.value")
    yield solution("sums.value")
    yield predict("sums.g", 5)
    yield reveal("sums.g")


def test_each_outcome_has_a_sign_of_its_own_before_its_word():
    right, wrong, untouched, raised, *_ = (result.text() for result in results())
    assert right.startswith("✓ right (sums.value): ")
    assert wrong.startswith("✗ wrong (sums.value): ")
    assert untouched.startswith("· not attempted (sums.value): ")
    assert raised.startswith("! raised (sums.double): ")


def test_html_says_once_all_that_the_text_says_and_needs_no_style():
    for result in results():
        drawn = result.html()
        assert stripped(drawn) == " ".join(result.text().split())
        assert drawn.startswith('<div role="status" aria-label="')
        assert not re.search(r"<script|<style|\sid=|\shidden", drawn)
        assert not re.search(r"(?<!-)color:(?!var\()", drawn)


def test_json_holds_the_same_for_programs():
    result = check("sums.bytes", b"abC")
    found = result.bundle()["application/vnd.protolab.result.v1+json"]
    assert found["outcome"] == "wrong" and found["id"] == "sums.bytes"
    assert (found["says"], found["marks"]) == (list(result.says), list(result.marks))


def test_what_a_learner_typed_cannot_break_the_page():
    predict("sums.g", "<img src=x onerror=alert(1)>\u202e")
    drawn = reveal("sums.g").html()
    assert "<img" not in drawn and "\u202e" not in drawn and "\\u202e" in drawn


@pytest.mark.parametrize("form", ["text", "html"])
def test_progress_has_a_row_for_each_exercise_of_every_lesson(form):
    check("sums.value", 5)
    hint("sums.value")
    check("sums.value", 4)
    check("sums.text", "server")
    predict("sums.g", 4)
    view = progress()
    found = stripped(getattr(view, form)()) if form == "html" else " ".join(view.text().split())
    assert re.match(r"1 of \d+ exercises are right, 1 prediction made\.", found)
    assert "90 sums sums.value ✓ right 2 1 90 sums" in found
    assert "90 sums sums.text ✗ wrong 1 90 sums" in found
    assert "90 sums sums.bytes · not attempted 90 sums" in found
    assert "frames.long" in found and "sums.g" not in found


def test_progress_for_programs():
    check("sums.value", 4)
    found = progress().json()
    assert found["right"] == 1 and found["exercises"] == len(found["questions"])
    (one,) = [question for question in found["questions"] if question["id"] == "sums.value"]
    assert (one["outcome"], one["tries"], one["hints"], one["solution shown"]) == ("right", 1, 0, False)
    assert one["right at"]
