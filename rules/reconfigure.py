"""Has a watch go on by other rules and another description of the site, without losing what it knows."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from rules.alerts.tolerance import Tolerances
from rules.engine.correlation import Correlator
from rules.engine.matching import Engine
from rules.enrich import behaviour_table
from rules.rule import AnyRule
from rules.site.model import Site
from rules.watch import ROWS_AT_ONCE, Watch


def reconfigure(watch: Watch, rules: Iterable[AnyRule], site: Site) -> None:
    """From the next epoch on this is what traffic is judged by. If anything raises, nothing has changed.

    Conversations, behaviours, assets and alerts that may still grow stay as they are. Rules that are
    new, or were changed, are asked about the behaviours that are known already, as far as they need no
    baseline; correlations begin to count anew where they were changed.
    """
    rules = tuple(rules)
    detector = watch.detector
    known = {rule.id: rule.digest for rule in watch.rules}
    engine, correlator = Engine(rules), Correlator(rules)
    fresh = Engine([rule for rule in rules if known.get(rule.id) != rule.digest])
    tolerances = Tolerances(site)
    if [rule.digest for rule in correlator.correlations] == [
        rule.digest for rule in detector.correlator.correlations
    ]:
        correlator = detector.correlator
    watch.rules, watch.site = rules, site
    watch.watcher.inventory.belongs = site.is_internal
    watch.plant = watch.plant._replace(site=site)
    detector.engine, detector.correlator = engine, correlator
    detector.alerts.tolerances = tolerances
    detector.alerts.replace_rules(rules)
    if fresh.rules:
        _ask_about_known(watch, fresh)


def _ask_about_known(watch: Watch, engine: Engine) -> None:
    table, detector = watch.watcher.behaviours, watch.detector
    places = np.flatnonzero(table.hashes)
    places = places[np.argsort(table.rows["first_ns"][places], kind="stable")]
    for start in range(0, len(places), ROWS_AT_ONCE):
        keys = places[start : start + ROWS_AT_ONCE]
        seen = behaviour_table(table.rows[keys], watch.watcher.pipeline.out.strings, watch.plant, None, keys)
        detector.alerts.add(seen, detector.correlator.add(seen, engine.match(seen)))
