"""What a verification can find, and the exit code each kind of it gives. The worst counts."""

CLEAN, UNREADABLE, BAD, UNKNOWN, INCOMPLETE, QUORUM, USAGE = 0, 1, 2, 3, 4, 5, 64
WORDS = {CLEAN: "verified", BAD: "bad content", UNKNOWN: "unknown key",
         INCOMPLETE: "incomplete range", QUORUM: "missing witness quorum"}
WORST_FIRST = [BAD, UNKNOWN, INCOMPLETE, QUORUM, CLEAN]
MOST_KEPT = 100


class Wrong(Exception):
    """What is read is not what its place calls for."""
    code = BAD


class Unknown(Wrong):
    """No key that is trusted signed it."""
    code = UNKNOWN


class Misuse(Exception):
    """The question makes no sense of this file: nothing was verified."""


class Findings:
    """What was found: the first hundred in words, all by kind and number."""

    clean = WORDS[CLEAN]

    def __init__(self):
        self.sentences, self.total, self.codes = [], 0, {CLEAN}
        self.signers, self.witnesses = [], {}

    def wrong(self, code, sentence):
        self.total += 1
        self.codes.add(code)
        if self.total <= MOST_KEPT:
            self.sentences.append(sentence)

    def attempt(self, what, function, *arguments):
        """What the function gives, or None and a finding: whatever goes wrong, it is not what it has to be."""
        try:
            return function(*arguments)
        except Misuse:
            raise
        except Wrong as why:
            self.wrong(why.code, f"{what}: {why}")
        except Exception:
            self.wrong(BAD, f"{what} cannot be read")
        return None

    def code(self):
        return next(code for code in WORST_FIRST if code in self.codes)

    def result(self):
        return self.clean if self.code() == CLEAN else WORDS[self.code()]
