"""The list of requirement rows, and the report that says which of them a test names."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import req_report


def test_list_holds_every_row_once() -> None:
    rows = req_report.rows()
    totals = {"D": 26, "A": 23, "M": 34, "C": 24, "B": 8, "X": 41, "Y": 14, "Z": 6, "P": 12, "K": 9, "W": 13}
    assert Counter(row[0] for row in rows) == totals
    assert len(set(rows)) == len(rows) == 210


def test_tests_name_rows_of_the_list_only() -> None:
    assert set(req_report.named_rows()) <= set(req_report.rows())


@pytest.fixture
def small_tree(tmp_path: Path) -> Path:
    (tmp_path / "requirements.txt").write_text("A-01\nA-02\nK-01\nK-02\nK-03\n")
    (tmp_path / "test_corpus.py").write_text('@pytest.mark.req("K-01", "K-02")\ndef test_it(): ...\n# K-03\n')
    (tmp_path / "cpp").mkdir()
    (tmp_path / "cpp/topic_test.cpp").write_text('::testing::Test::RecordProperty("req", "A-02");\n')
    return tmp_path


def test_rows_are_found_in_every_spelling(small_tree: Path) -> None:
    assert req_report.named_rows(small_tree) == {
        "A-02": ["cpp/topic_test.cpp"],
        "K-01": ["test_corpus.py"],
        "K-02": ["test_corpus.py"],
    }


def test_reports_tell_rows_with_a_test_from_rows_without(small_tree: Path) -> None:
    rows, named = req_report.rows(small_tree), req_report.named_rows(small_tree)
    assert req_report.short_report(rows, named) == "A 1/2  K 2/3  all 3/5"
    covered, without = req_report.full_report(rows, named).split("rows without")
    assert "K-01  test_corpus.py" in covered
    assert "A-01" in without
    assert "K-03" in without
    assert "K-01" not in without
