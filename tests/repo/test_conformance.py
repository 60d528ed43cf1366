"""docs/CONFORMANCE.md is what the citations say, and every citation is of a statement that exists."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import enclosing
import pytest
import report


@pytest.fixture(scope="module")
def conformance(repository: Path) -> report.Conformance:
    return report.Conformance(repository)


def test_page_is_up_to_date(repository: Path, conformance: report.Conformance) -> None:
    written = (repository / report.PAGE).read_text(encoding="utf-8")
    is_same = written == report.page(conformance)
    assert is_same, "run: python tests/conformance/report.py --write"


def test_citations_are_of_statements_that_exist(conformance: report.Conformance) -> None:
    assert conformance.faults == []


def test_every_statement_has_code_and_a_test_or_a_reason(conformance: report.Conformance) -> None:
    gaps = [f"{statement.version} {statement.id} {part}" for statement, part, _ in conformance.gaps()]
    assert gaps == []


def test_list_holds_every_statement_once(conformance: report.Conformance) -> None:
    rows = report.read_statements(report.REPOSITORY / report.STATEMENTS)
    assert Counter(row.version for row in rows) == {"3.1.1": 141, "5.0": 251}
    assert len(conformance.statements) == len(rows)
    parts = {
        (version, part): len(conformance.of(version, part)) for version in ("3.1.1", "5.0") for part in report.PARTS
    }
    assert list(parts.values()) == [108, 69, 206, 130]


# ---- the checks above can fail


@pytest.fixture
def small_tree(tmp_path: Path) -> Path:
    for folder in ("core/broker", "core/client", "tests/cpp/broker", "tests/conformance"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / report.STATEMENTS).write_text(
        "version,id,side,same_as,words,reason\n"
        "3.1.1,4.4.2-1,B,4.2-1,As 5.0 has it,\n"
        "3.1.1,4.4.2-2,S,,Of 3.1.1 alone,\n"
        "5.0,4.2-1,B,,Of both,\n"
        "5.0,4.2-2,B,,Not for the client,client: it has none\n"
    )
    (tmp_path / "core/broker/a.cpp").write_text(
        "void Broker::take() {\n  go();  // [MQTT-4.2-1], [MQTT-4.4.2-2] of 3.1.1\n}\n"
    )
    (tmp_path / "core/client/b.cpp").write_text("// [MQTT-4.2-1]\nbool Client::give() { return true; }\n")
    (tmp_path / "tests/cpp/broker/a_test.cpp").write_text("TEST(Taking, Works) {\n  expect();  // [MQTT-4.2-1]\n}\n")
    return tmp_path


def test_gaps_are_told_by_part(small_tree: Path) -> None:
    gaps = [
        (statement.version, statement.id, part, standing.missing)
        for statement, part, standing in report.Conformance(small_tree).gaps()
    ]
    assert gaps == [
        ("3.1.1", "4.4.2-1", "client", ["test"]),
        ("3.1.1", "4.4.2-2", "broker", ["test"]),
        ("5.0", "4.2-1", "client", ["test"]),
        ("5.0", "4.2-2", "broker", ["code", "test"]),
    ]


def test_page_tells_where_each_statement_is_kept_and_proved(small_tree: Path) -> None:
    page = report.page(report.Conformance(small_tree))
    assert "| 5.0 | broker (S+B) | 2 | 1 | 1 | 1 | 0 | 1 |" in page
    assert (
        "[broker/a.cpp](../core/broker/a.cpp) Broker::take<br>[client/b.cpp](../core/client/b.cpp) Client::give" in page
    )
    assert "[cpp/broker/a_test.cpp](../tests/cpp/broker/a_test.cpp) Taking.Works" in page
    assert "| 5.0 | 4.2-2 | client | code, test | it has none |" in page
    assert "| 5.0 | 4.2-2 | broker | code, test | open |" in page


@pytest.mark.parametrize(
    ("comment", "fault"),
    [
        ("[MQTT-4.2-9]", "5.0 has no statement 4.2-9"),
        ("[MQTT-4.4.2-2]", "5.0 has no statement 4.4.2-2"),
        ("[MQTT-4.2-2] of 3.1.1", "3.1.1 has no statement 4.2-2"),
        ("3.1.1: [MQTT-4.2-1]", "name the standard after the id"),
    ],
)
def test_a_wrong_citation_is_a_fault(small_tree: Path, comment: str, fault: str) -> None:
    (small_tree / "core/wrong.cpp").write_text(f"int x;\nint y;  // {comment}\n")
    faults = report.Conformance(small_tree).faults
    assert len(faults) == 1
    assert faults[0].startswith("core/wrong.cpp:2: ")
    assert fault in faults[0]


CPP = """\
// [1] of the file

#include "x.hpp"

namespace a {

// [2] of the table
constexpr Row kRows[] = {
    {1},  // [3]
};

// [4]
template <class T>
Expected<T> Client::take(int count,
                         T* to) {
  // [5]
  if (count) return {};
}

class Endpoint final : public Base {
 public:
  // [6]
  virtual void on_open(Waker& waker) = 0;
  int size() const { return size_; }  // [7]
};

TEST_P(Levels, Work) {
  for (;;) {
    EXPECT_TRUE(x);  // [8]
  }
}

// [9]
INSTANTIATE_TEST_SUITE_P(All, Levels,
                         testing::Values(1));
}  // namespace a
"""


def test_cpp_lines_know_what_they_stand_in() -> None:
    labels = enclosing.labels_of(CPP, ".cpp")
    lines = CPP.splitlines()
    told = [labels[at] for at, line in enumerate(lines) if "[" in line and "// [" in line]
    assert told == [
        "",
        "kRows",
        "kRows",
        "Client::take",
        "Client::take",
        "Endpoint::on_open",
        "Endpoint::size",
        "Levels.Work",
        "Levels",
    ]


def test_python_lines_know_what_they_stand_in() -> None:
    text = "# of the file\nX = 1\n\n# before\n@mark\ndef test_it():\n    # inside\n    pass\n\n"
    text += "class A:\n    def b(self):\n        # c\n        pass\n"
    labels = enclosing.labels_of(text, ".py")
    assert [labels[at] for at, line in enumerate(text.splitlines()) if "#" in line] == ["", "test_it", "test_it", "A.b"]
