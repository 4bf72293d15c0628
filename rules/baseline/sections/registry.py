"""Every section of the baseline file, in the order of the file."""

from rules.baseline.sections.assets import ASSETS
from rules.baseline.sections.conversations import CONVERSATIONS
from rules.baseline.sections.decisions import DECISIONS
from rules.baseline.sections.learned import LEARNED
from rules.baseline.sections.rhythms import RHYTHMS
from rules.baseline.sections.section import Section
from rules.baseline.sections.values import VALUES
from rules.baseline.sections.withheld import WITHHELD

SECTIONS: tuple[Section, ...] = (LEARNED, ASSETS, CONVERSATIONS, VALUES, RHYTHMS, WITHHELD, DECISIONS)
