"""An export of a ledger, read line by line: a header, entries or marks in their place, a manifest."""

import datetime, hashlib, re, uuid

from findings import BAD, INCOMPLETE, QUORUM, Findings, Misuse, Unknown, Wrong
from tlog import (Tree, canonical, genesis_hash, global_root, has, hashes, leaf_hash, levels, open_note, read_head,
                  read_leaf, read_line, read_witnesses, texts, unbase64, I64, U64)

FORMAT = "writ-ledger-export/2"
HEADER = {"checkpoint": str, "filter": dict, "format": str, "from": U64, "global": dict, "org": str,
          "period": dict, "size": U64, "to": U64}
GLOBAL = {"checkpoint": str, "head": U64, "headPath": list, "heads": U64, "index": U64, "path": list}
FOREVER, LAST = 2**63, 2**64 - 1
LONGEST_LINE = 2**20


class Bundle(Findings):
    """One run over the lines of a bundle.

    `asked` is what has to be shown: ("all",), ("shown",), ("entries", from, to) or ("period", from, to), these two
    also with "shown" at the end: then entries may be left out of what the bundle was made for.
    `kept` are checkpoints kept from earlier; `org` is whose it must be; `each` is told of every entry that could be read.
    """

    def __init__(self, keys, quorum=None, asked=None, kept=(), org=None, each=lambda seq, body: None):
        super().__init__()
        self.keys, self.quorum, self.asked, self.each, self.kept = keys, quorum, asked or ("all",), each, kept
        self.expected = org
        self.header, self.manifest, self.sealed, self.newest = None, None, None, -FOREVER
        self.tree, self.next, self.previous, self.heads, self.compared = Tree(), 0, None, {}, set()
        self.exporters = []
        self.digest, self.shown, self.hidden = hashlib.sha256(), 0, 0
        self.numbers, self.stated, self.unstated = {}, 0, 0

    def read(self, file):
        for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE), b""), 1):
            self.attempt(f"line {number}", self.line, line)
            if self.header is None:
                return self
            if self.manifest is None:
                self.digest.update(line)
        if self.header is None:
            self.wrong(BAD, "there is no line")
        else:
            self.finish()
        return self

    def line(self, line):
        if self.header is None:
            self.open(line)
        elif self.manifest is not None:
            raise Wrong("it is after the manifest")
        elif line.startswith(b'{"leaf":"'):
            self.shown += 1
            value = read_line(line, {"leaf": str, "seq": U64})
            self.entry(value["seq"], unbase64(value["leaf"]))
        elif line.startswith(b'{"manifest"'):
            self.manifest = read_line(line, {"manifest": str})["manifest"]
        else:
            self.redacted(read_line(line, {"from": U64, "nodes": list, "to": U64}))

    # The header: what was signed, by whom, and who saw it.

    def open(self, line):
        header = read_line(line, HEADER, ["filter", "global", "period"])
        org = uuid.UUID(header["org"])
        if header["format"] != FORMAT or str(org) != header["org"] or header.get("filter", True) == {}:
            raise Wrong("not a header")
        texts(header.get("filter", {}).values())
        has(header.get("period", {}), {"from": I64, "to": I64}, ["from", "to"])
        self.header, self.org, self.previous = header, org.bytes, genesis_hash(org.bytes)
        if self.expected not in (None, header["org"]):
            self.wrong(BAD, "an export of another organisation")
            self.kept = []
        for log, size, root, _ in self.kept:
            if log not in ("global", header["org"]):
                raise Misuse(f"the kept checkpoint is of {log}, and this is of {header['org']}")
            if log != "global":
                self.heads.setdefault(size, []).append(root)
        signed = self.attempt("the checkpoint", self.signed_head, header["checkpoint"])
        if not header["from"] <= header["to"] <= header["size"]:
            self.wrong(BAD, "the header names no range")
        self.compare()
        self.look_above(signed)
        self.look_around()

    def look_around(self):
        """Whether the bundle was made for what is asked."""
        kind, first, last, *shown = *self.asked, 0, 0
        start, end, size = (self.header[name] for name in ["from", "to", "size"])
        covered = True
        if kind == "entries":
            wanted = first if last == LAST else last
            if wanted > size:
                self.wrong(INCOMPLETE, f"entries {size}..{wanted} are missing")
            covered = "shown" not in shown or start <= first and min(last, size) <= end
        elif kind == "period" and "period" in self.header:
            made = self.header["period"]
            covered = made.get("from", -FOREVER) <= first and last <= made.get("to", FOREVER)
        elif kind == "period":  # what was made for no period, of all entries, is made for each
            covered = (start, end) == (0, size)
        if not covered:
            self.wrong(INCOMPLETE, "made for a range that does not cover the one asked for")

    def signed_head(self, note):
        _, size, root, self.signers = read_head(note, self.header["org"], self.keys)
        self.sealed = size
        self.heads.setdefault(size, []).append(root)
        if size != self.header["size"]:
            self.wrong(BAD, "the header names another size")
        return size, root

    def look_above(self, signed):
        """The log over all organisations, which witnesses sign; who demands no witness need not be shown it."""
        if "global" in self.header:
            self.attempt("the place in the log over all", self.check_global, self.header["global"], signed)
        elif self.quorum != 0 or any(log == "global" for log, *_ in self.kept):
            self.wrong(INCOMPLETE, "its place in the log over all organisations is not shown")
        trusted = sum(kind == "witness" for kind, *_ in self.keys)
        must = min(trusted, 1) if self.quorum is None else self.quorum
        if len(self.witnesses) < must:
            self.wrong(QUORUM, f"{len(self.witnesses)} trusted witnesses cosigned, {must} must")

    def check_global(self, given, signed):
        has(given, GLOBAL)
        _, size, root, _ = read_head(given["checkpoint"], "global", self.keys)
        if signed:
            interval = given["head"], given["heads"], hashes(given["headPath"])
            place = given["index"], size, hashes(given["path"])
            if global_root(self.org, *signed, interval, place) != root:
                raise Wrong("the checkpoint is not in it")
        self.witnesses = read_witnesses(given["checkpoint"], self.keys)[0]
        for log, kept_size, kept_root, witnesses in self.kept:
            if log == "global" and size < kept_size:
                self.wrong(INCOMPLETE, f"the log over all had {kept_size} intervals earlier, {size} are signed here")
            elif log == "global" and size == kept_size and root != kept_root:
                self.wrong(BAD, f"the first {size} intervals of the log over all are not those signed earlier")
            elif log == "global" and size > kept_size and not witnesses & self.witnesses.keys():
                self.wrong(INCOMPLETE, f"that the log over all grew from the kept head of {kept_size} cannot be shown: "
                                       "no witness you trust signed both")

    # The entries, and the marks in the place of those that are not shown.

    def take(self, position):
        if position < self.next:
            self.wrong(BAD, f"entry {position} comes twice or too late")
            return False
        if position > self.next:
            self.wrong(INCOMPLETE, f"entries {self.next}..{position} are missing")
            self.previous = self.tree = None
        return True

    def entry(self, position, data):
        if not self.take(position):
            return
        leaf = self.attempt(f"entry {position}", read_leaf, data)
        if leaf:
            org, seq, _, previous, body = leaf
            if org != self.org:
                self.wrong(BAD, f"entry {position} belongs to another organisation")
            if seq != position:
                self.wrong(BAD, f"entry {position} says it is {seq}")
            if self.previous not in (None, previous):
                self.wrong(BAD, f"entry {position} does not follow the one before")
            self.attempt(f"the source of entry {position}", self.number, body)
            self.newest = max(self.newest, body["occurred_at"])
            self.each(position, body)
        self.previous, self.next = leaf_hash(data), position + 1
        self.grow(self.previous, 0)

    def redacted(self, mark):
        start, end, nodes = mark["from"], mark["to"], hashes(mark["nodes"])
        self.hidden += max(0, end - start)
        if not self.take(start):
            return
        places = list(levels(start, end))
        if not start < end or len(places) != len(nodes) or self.sealed is not None and end > self.sealed:
            raise Wrong(f"the redaction mark at {start} stands for no range of the tree")
        asked = (0, FOREVER) if self.asked[0] == "all" else self.asked[1:]
        if "shown" in self.asked:
            asked = 0, 0
        elif self.asked[0] == "period":
            asked = self.header["from"], self.header["to"]
        if max(asked[0], start) < min(asked[1], end):
            self.wrong(INCOMPLETE, f"entries {start}..{end} are not shown")
        for level, root in zip(places, nodes):
            self.previous = root if level == 0 else None  # a single leaf is what the next entry follows
            self.grow(root, level)
        self.next = end

    def grow(self, root, level):
        if self.tree:
            self.tree.add(root, level)
        self.compare()

    def compare(self):
        if self.tree and self.tree.size in self.heads:
            self.compared.add(self.tree.size)
            if any(head != self.tree.root() for head in self.heads[self.tree.size]):
                self.wrong(BAD, f"the first {self.tree.size} entries do not have the root that was signed")

    def number(self, body):
        """Emitters number their facts from 1 without a hole; the ledger states a hole as an entry."""
        source, target = body["source"], body.get("target", "")
        if body["type"] == "ledger.gap_detected.v1":
            self.stated += 1
            if target.startswith("incarnation:"):
                emitter, first, last = re.fullmatch(r"incarnation:(.+):([0-9]+)-([0-9]+)", target, re.DOTALL).groups()
                if int(first) not in U64 or int(last) not in U64:
                    raise Wrong("not a hole")
                self.numbers[emitter] = max(self.numbers.get(emitter, 0), int(last))
        elif "emitter_seq" in source:
            last, seq = self.numbers.get(source["emitter"], 0), source["emitter_seq"]
            self.unstated += max(0, seq - last - 1)
            self.numbers[source["emitter"]] = max(last, seq)

    # The end: whether these are all lines, and all entries.

    def finish(self):
        if self.manifest is None:
            self.wrong(INCOMPLETE, "the bundle was cut short: it has no manifest")
        else:
            self.attempt("the manifest", self.check_manifest)
        if self.sealed is not None and self.next < self.sealed:
            self.wrong(INCOMPLETE, f"entries {self.next}..{self.sealed} are missing")
        elif self.sealed is not None and self.next > self.sealed:
            self.wrong(INCOMPLETE, f"entries {self.sealed}..{self.next} are under no checkpoint")
        self.look_back()
        if self.asked[0] == "period" and self.asked[2] != FOREVER:
            self.check_end(self.asked[2])

    def look_back(self):
        """Kept heads that the entries did not pass on their way."""
        for size in {size for log, size, *_ in self.kept if log != "global"} - self.compared:
            if size > min(self.sealed or 0, self.next):
                self.wrong(INCOMPLETE, f"{size} entries were signed earlier, {self.sealed} are signed here")
            elif size != self.sealed:
                self.wrong(INCOMPLETE, f"the kept head of {size} cannot be compared: the entries before it are not shown")
            elif len(set(self.heads[size])) > 1:
                self.wrong(BAD, f"the first {size} entries are not those signed earlier")

    def check_end(self, end):
        """A period is over if an entry follows what is shown, or a later time is: an entry's, or a witness's."""
        newest = max([self.newest] + [time * 1_000_000 for time in self.witnesses.values()])
        if newest < end and not self.header["from"] < self.header["to"] < self.header["size"]:
            until = written(newest) if newest > -FOREVER else "whenever this was made"
            self.wrong(INCOMPLETE, f"nothing shows that the period is over: what came after {until} may be missing")

    def check_manifest(self):
        text, signed, lines = open_note(self.manifest, self.keys, ["export", "export-rsa"])
        expected = {key: self.header[key] for key in ["format", "from", "org", "size", "to"]}
        expected |= {"entries": self.shown, "redacted": self.hidden, "sha256": self.digest.hexdigest(),
                     "keys": [f"{name}+{key_id}" for name, key_id, _ in lines]}
        if text != canonical(expected) + b"\n":
            raise Wrong("it is not of these lines")
        self.exporters = exporters(signed)
        if not signed and self.hidden and (self.asked[0] == "period" or "shown" in self.asked):
            raise Unknown("which entries belong to the period or filter is the word of who signed it, "
                          "and no export key you trust did")
        if not signed and any(kind.startswith("export") for kind, *_ in self.keys):
            raise Unknown("no trusted export key signed it")


def exporters(signed):
    return [f"{name} ({'RSA-SHA256' if kind == 'export-rsa' else 'Ed25519'})" for name, kind in signed]


def written(micros):
    try:
        time = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=micros)
    except OverflowError:
        return f"{micros} µs since 1970"
    return time.isoformat(timespec="seconds") + "Z"
