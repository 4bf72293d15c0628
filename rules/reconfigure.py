"""Has a watch go on by other rules, another site file or another baseline, without losing what it knows."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from rules.alerts.tolerance import Tolerances
from rules.baseline.model import Baseline
from rules.baseline.stage import Window
from rules.engine.correlation import Correlator
from rules.engine.matching import Engine
from rules.enrich import behaviour_table
from rules.rule import AnyRule
from rules.site.model import Site
from rules.watch import ROWS_AT_ONCE, Watch


def reconfigure(watch: Watch, rules: Iterable[AnyRule], site: Site, baseline: Baseline | None = None) -> None:
    """From the next epoch on this is what traffic is judged by; without `baseline`, by the present one.

    Conversations, behaviours, assets and alerts that may still grow stay as they are. Rules that are
    new or were changed, or all of them where the baseline is another, are asked about the behaviours
    that are known already. Changed correlations begin to count anew; with another site file or
    baseline, so do rhythms and values. If anything raises, nothing has changed.
    """
    before, listeners, sources = dict(vars(watch)), list(watch.watcher.listeners), list(watch.sources)
    belongs = watch.watcher.inventory.belongs
    try:
        _switch(watch, tuple(rules), site, baseline)
    except BaseException:
        vars(watch).update(before)
        watch.watcher.listeners[:], watch.sources[:] = listeners, sources
        watch.watcher.inventory.belongs = belongs
        raise


def _switch(watch: Watch, rules: tuple[AnyRule, ...], site: Site, baseline: Baseline | None) -> None:
    old, known = watch.detector, {rule.id: rule.digest for rule in watch.rules}
    fresh = Engine([rule for rule in rules if known.get(rule.id) != rule.digest])
    engine, correlator, tolerances = Engine(rules), Correlator(rules), Tolerances(site)
    if baseline is not None or site != watch.site:
        stage = watch.stage
        if stage.learns:
            watch.rhythms.finish()
            watch.values.finish()
        kept = stage.baseline if stage.learned else None
        window = Window(until_ns=stage.learns_until_ns) if stage.learns else None
        watch.judge_by(rules, site, baseline or kept, window)
    else:
        watch.rules = rules
    same = [rule.digest for rule in correlator.correlations]
    watch.detector = old
    old.engine = engine
    if same != [rule.digest for rule in old.correlator.correlations]:
        old.correlator = correlator
    old.alerts.tolerances = tolerances
    old.alerts.replace_rules(rules)
    if baseline is not None:
        _ask_about_known(watch, engine, with_news=True)
    elif fresh.rules:
        _ask_about_known(watch, fresh, with_news=False)


def _ask_about_known(watch: Watch, engine: Engine, with_news: bool) -> None:
    table, detector = watch.watcher.behaviours, watch.detector
    strings = watch.watcher.pipeline.out.strings
    places = np.flatnonzero(table.hashes)
    places = places[np.argsort(table.rows["first_ns"][places], kind="stable")]
    for start in range(0, len(places), ROWS_AT_ONCE):
        keys = places[start : start + ROWS_AT_ONCE]
        rows = table.rows[keys]
        novelty = watch.stage.novelty(rows) if with_news else None
        more = watch.stage.columns(rows, novelty) if with_news else {}
        seen = behaviour_table(rows, strings, watch.plant, novelty, keys, more)
        detector.alerts.add(seen, detector.correlator.add(seen, engine.match(seen)))
