"""What a host would offer, listed without starting one."""

from __future__ import annotations

from engine.control.listing import list_targets
from engine.core.model import LOCAL_TARGET, EngineState
from engine.core.settings import DockerEngine, DockerSettings, Settings, ShareSettings


async def test_this_computer_is_listed_as_shared_where_it_is() -> None:
    settings = Settings(
        docker=DockerSettings(enabled=False), share=ShareSettings(targets=(LOCAL_TARGET,))
    )
    targets, statuses = await list_targets(settings, 5)
    assert [(target.id, target.shared) for target in targets] == [(LOCAL_TARGET, True)]
    assert statuses == ()


async def test_an_engine_that_is_away_has_a_status() -> None:
    engine = DockerEngine(url="unix:///nowhere/docker.sock")
    settings = Settings(docker=DockerSettings(engines=(engine,)))
    targets, (status,) = await list_targets(settings, 5)
    assert [target.id for target in targets] == [LOCAL_TARGET]
    assert status.state is EngineState.ABSENT
