"""For pytest: brokers and scenarios as fixtures, and a marker that makes a test of a scenario file.

    @pytest.mark.mqtt_scenario("load.json", sim=True)
    def test_load(mqtt_result):
        assert mqtt_result.latency.p99 < 0.050

    def test_mine(mqtt_broker, mqtt_sim):
        mqtt_sim({...}, broker=mqtt_broker)

pytest loads this module in every session of an environment that has mqtt-sim, so it imports nothing but pytest until a
fixture is asked for. Every broker listens on a free port of its own: workers of pytest-xdist do not meet.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mqtt_sim.broker import Broker
    from mqtt_sim.client import BlockingClient
    from mqtt_sim.result import Result
    from mqtt_sim.scenario.model import Scenario

SCENARIO_MARK, BROKER_MARK, CLIENT_MARK, RESULT_FIXTURE = "mqtt_scenario", "mqtt_broker", "mqtt_client", "mqtt_result"

RunScenario = Callable[..., "Result"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """One option: against which broker scenario tests run."""
    group = parser.getgroup("mqtt-sim")
    group.addoption("--mqtt-broker", metavar="URL", help="Run scenario tests against this broker, mqtt://host:1883.")


def pytest_configure(config: pytest.Config) -> None:
    """The markers, so that --strict-markers knows them."""
    config.addinivalue_line(
        "markers",
        f"{SCENARIO_MARK}(scenario, broker=None, check=True, **options): run the scenario first, fail when it does not "
        "pass; the options are those of mqtt_sim.run",
    )
    config.addinivalue_line("markers", f"{BROKER_MARK}(**options): what the fixture mqtt_broker is started with")
    config.addinivalue_line("markers", f"{CLIENT_MARK}(**options): what the fixture mqtt_client connects with")


def pytest_itemcollected(item: pytest.Item) -> None:
    """A marked test runs its scenario whether or not it looks at the result."""
    names: list[str] = getattr(item, "fixturenames", [])
    if item.get_closest_marker(SCENARIO_MARK) and RESULT_FIXTURE not in names:
        names.append(RESULT_FIXTURE)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """The verdict on a marked test's scenario belongs to the test itself, not to its set-up."""
    mark = pyfuncitem.get_closest_marker(SCENARIO_MARK)
    if mark and mark.kwargs.get("check", True):
        result: Any = pyfuncitem.funcargs[RESULT_FIXTURE]
        _fail_unless_passed(result)
    return (yield)


@pytest.fixture
def mqtt_broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """A running broker on a free port; `@pytest.mark.mqtt_broker(max_connections=10)` sets its options."""
    from mqtt_sim.broker import Broker

    mark = request.node.get_closest_marker(BROKER_MARK)
    with Broker(**(mark.kwargs if mark else {})) as broker:
        yield broker


@pytest.fixture
def mqtt_client(request: pytest.FixtureRequest, mqtt_broker: Broker) -> Iterator[BlockingClient]:
    """A client connected to `mqtt_broker`; `@pytest.mark.mqtt_client(protocol_version="5.0")` sets its options.

    Its methods wait, so a test needs no event loop. One that has a loop makes its own: `Client(mqtt_broker.url)`.
    """
    from mqtt_sim.client import BlockingClient

    mark = request.node.get_closest_marker(CLIENT_MARK)
    with BlockingClient(mqtt_broker.url, **(mark.kwargs if mark else {})) as client:
        yield client


@pytest.fixture
def mqtt_sim(request: pytest.FixtureRequest) -> RunScenario:
    """`mqtt_sim(scenario, broker=None, check=True, **options)` runs a scenario and gives its Result.

    The scenario is a file (beside the test, or in the working directory), the name of a shipped one, a dictionary or a
    Scenario; the options are those of `mqtt_sim.run`. `broker` is a URL, a Broker, or the name of a fixture that gives
    one of these. Unless `check` is false, a run that does not pass fails the test with its summary.
    """

    def run_scenario(
        scenario: Scenario | Mapping[str, Any] | str | Path,
        *,
        broker: Broker | str | None = None,
        check: bool = True,
        **options: Any,
    ) -> Result:
        result = _run(request, scenario, broker, options)
        if check:
            _fail_unless_passed(result)
        return result

    return run_scenario


@pytest.fixture
def mqtt_result(request: pytest.FixtureRequest) -> Result:
    """What the scenario of `@pytest.mark.mqtt_scenario(...)` measured."""
    mark = request.node.get_closest_marker(SCENARIO_MARK)
    if mark is None:
        pytest.fail(f'{RESULT_FIXTURE} needs a scenario: @pytest.mark.{SCENARIO_MARK}("file.json")', pytrace=False)
    if len(mark.args) != 1:
        pytest.fail(f'@pytest.mark.{SCENARIO_MARK} takes one scenario: "file.json"', pytrace=False)
    options = {name: value for name, value in mark.kwargs.items() if name not in ("broker", "check")}
    return _run(request, mark.args[0], mark.kwargs.get("broker"), options)


def _run(request: pytest.FixtureRequest, scenario: Any, broker: Any, options: dict[str, Any]) -> Result:
    from mqtt_sim.runner import run

    url = _url_of(request, broker)
    if url is None and not options.get("sim"):
        url = request.config.getoption("--mqtt-broker")
    if isinstance(scenario, str) and (beside := request.path.parent / scenario).is_file():
        scenario = beside
    result = run(scenario, broker=url, **options)
    if result.latency.count:
        request.node.user_properties.append(("mqtt_sim.latency.p99_s", result.latency.p99))
    return result


def _url_of(request: pytest.FixtureRequest, broker: Any) -> Any:
    """The URL of a broker, of a URL, or of the fixture of that name."""
    if isinstance(broker, str) and "://" not in broker:
        return _url_of(request, request.getfixturevalue(broker))
    return getattr(broker, "url", broker)


def _fail_unless_passed(result: Result) -> None:
    if not result.passed:
        from mqtt_sim.report.summary import summary

        pytest.fail(summary(result), pytrace=False)
