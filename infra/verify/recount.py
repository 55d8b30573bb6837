"""Counts again, from the entries of an export, what a statement of coverage says.

Not counted, because no entry says it: which decisions were the agent's though their entries do not name it
("unnamed"), how an emitter ended, where the range of its numbers begins and ends, which ones are silent. Format 1
does not say what entries call the agent: of it only lost reports and emitters are counted.
"""

import bisect

from findings import BAD

NEAR = 3_600_000_000  # numbers follow time closely and not exactly: an hour, in microseconds
SECOND = 1_000_000


class Numbers:
    """Distinct numbers, nearly dense: as runs, so that many take little room."""

    def __init__(self):
        self.first, self.last = [], []

    def add(self, number):
        at = bisect.bisect_right(self.first, number)  # the runs before it begin at or before the number
        if at and self.last[at - 1] >= number:
            return
        if at and self.last[at - 1] == number - 1:
            self.last[at - 1] = number
        else:
            self.first.insert(at, number)
            self.last.insert(at, number)
            at += 1
        if at < len(self.first) and self.first[at] == number + 1:
            self.last[at - 1] = self.last[at]
            del self.first[at], self.last[at]

    def count(self):
        return sum(last - first + 1 for first, last in zip(self.first, self.last))


class Reported:
    """Times that were reported and touch the period."""

    def __init__(self, start, end):
        self.start, self.end, self.windows, self.count = start, end, [], 0

    def take(self, window):
        if window["to"] >= self.start and window["from"] < self.end:
            self.windows.append((window["from"], window["to"]))
            self.count += window["count"]

    def micros(self):
        """How much of the period they cover, overlaps once."""
        total, reached = 0, self.start
        for start, end in sorted(self.windows):
            start, end = max(start, reached), min(end, self.end)
            total, reached = total + max(0, end - start), max(reached, end)
        return total


class Recount:
    def __init__(self, stated, size):
        self.stated, self.size = stated, size
        self.start, self.end = stated["from"], stated["to"]
        self.names = {f"agent:{name}" for name in stated.get("names", [])}
        self.outcomes = {"allowed": 0, "held": 0, "denied": 0}
        self.reported = {kind: Reported(self.start, self.end) for kind in ("bypass", "presence", "bypass_drop")}
        self.emitters = {one["emitter"]: (one, Numbers()) for one in stated["emitters"]}
        self.others = {}  # of those not listed: (its lowest number, when), and whether it is in the period

    def entry(self, seq, body):
        if seq >= self.size:
            return
        kind, at = body["type"].split(".")[0], body["occurred_at"]
        if kind == "decision" and body.get("actor") in self.names and self.start <= at < self.end:
            outcome = body.get("outcome")
            self.outcomes[outcome if outcome in ("allowed", "held") else "denied"] += 1
        elif kind in self.reported and (kind == "bypass_drop" or body.get("target") in self.names):
            self.reported[kind].take(body["window"])
        number = body["source"].get("emitter_seq")
        if number is not None and body["type"] != "ledger.gap_detected.v1":
            self.number(body["source"]["emitter"], number, at)

    def number(self, emitter, number, at):
        if emitter in self.emitters:
            listed, numbers = self.emitters[emitter]
            if listed["after"] < number <= listed["last"] and self.start - NEAR <= at < self.end + NEAR:
                numbers.add(number)
        else:
            first, inside = self.others.get(emitter, ((number, at), False))
            self.others[emitter] = min(first, (number, at)), inside or self.start <= at < self.end

    def compare(self, run):
        """Adds a finding to the run for each number that the entries give otherwise."""
        def same(what, stated, counted):
            if stated != counted:
                run.wrong(BAD, f"{what}: {stated} stated, {counted} by the entries")

        it, ungoverned, heard = self.stated, self.reported["bypass"], self.reported["presence"]
        same("lost reports", it["lostReports"], self.reported["bypass_drop"].count)
        if "unnamed" in it:
            same("ungoverned seconds", it["ungovernedSeconds"], -(-ungoverned.micros() // SECOND))
            same("ungoverned acts", it["ungovernedActs"], ungoverned.count)
            same("heard seconds", it["heardSeconds"], heard.micros() // SECOND)
            same("decisions that name it", it["decisions"] - it["unnamed"], sum(self.outcomes.values()))
            for word, counted in self.outcomes.items():
                if counted > it["outcomes"][word]:  # which ones the unnamed had is not said
                    same(word, it["outcomes"][word], counted)
        for emitter, (listed, numbers) in self.emitters.items():
            same(f"numbers of {emitter}", listed["present"], numbers.count())
        # One whose first number is after the period is rightly left out.
        same("emitters left out", 0, sum(inside and at < self.end for (_, at), inside in self.others.values()))
