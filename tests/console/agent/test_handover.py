"""A plan from the thread that was sent it to the one that captures."""

import threading
import time

import pytest

from console.agent.handover import TOO_LATE, Handover
from console.agent.plan import own_plan
from console.agent.settings import SensorSettings


@pytest.fixture
def plan(tmp_path):
    return own_plan(SensorSettings(state=tmp_path, shipped_rules=False))


def offered(handover, plan, seconds, told):
    thread = threading.Thread(target=lambda: told.append(handover.offer(plan, seconds)))
    thread.start()
    return thread


def taken(handover):
    end = time.monotonic() + 5
    while (offer := handover.take()) is None:
        assert time.monotonic() < end
        time.sleep(0.005)
    return offer


@pytest.mark.parametrize("wrong", ["", "it cannot be run"])
def test_who_offers_hears_what_became_of_it(plan, wrong):
    handover, told = Handover(), []
    thread = offered(handover, plan, 5, told)
    offer = taken(handover)
    assert offer.plan is plan
    offer.wrong = wrong
    offer.done.set()
    thread.join()
    assert told == [wrong]
    assert handover.take() is None


def test_a_plan_that_nobody_took_is_not_run_later(plan):
    handover = Handover()
    assert handover.offer(plan, 0.05) == TOO_LATE
    assert handover.take() is None


def test_a_plan_that_is_being_run_when_time_is_up_is_not_told_as_refused(plan):
    handover, told = Handover(), []
    thread = offered(handover, plan, 0.5, told)
    offer = taken(handover)
    time.sleep(0.6)
    offer.done.set()
    thread.join()
    assert told == [""]


def test_two_who_offer_at_once_are_both_served(plan):
    handover, told = Handover(), []
    threads = [offered(handover, plan._replace(version=number), 5, told) for number in (1, 2)]
    versions = []
    for _ in threads:
        offer = taken(handover)
        versions.append(offer.plan.version)
        offer.done.set()
    for thread in threads:
        thread.join()
    assert sorted(versions) == [1, 2]
    assert told == ["", ""]
