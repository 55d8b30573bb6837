"""An export of a ledger, read line by line: a header, entries or marks in their place, a manifest."""

import hashlib, uuid

from findings import BAD, INCOMPLETE, QUORUM, Findings, Unknown, Wrong
from tlog import (Tree, canonical, genesis_hash, global_root, has, hashes, leaf_hash, levels, open_note,
                  read_checkpoint, read_head, read_leaf, read_line, unbase64, U64)

FORMAT = "writ-ledger-export/2"
HEADER = {"checkpoint": str, "filter": dict, "format": str, "from": U64, "global": dict, "org": str,
          "period": dict, "size": U64, "to": U64}
GLOBAL = {"checkpoint": str, "head": U64, "headPath": list, "heads": U64, "index": U64, "path": list}
FOREVER = 2**63
LONGEST_LINE = 2**20


class Bundle(Findings):
    """One run over the lines of a bundle.

    `asked` is what has to be shown: ("all",), ("shown",), ("entries", from, to) or ("period", from, to).
    `seen` are checkpoints kept from earlier; `each` is told of every entry that could be read.
    """

    def __init__(self, keys, quorum=None, asked=None, seen=(), each=lambda seq, body: None):
        super().__init__()
        witnesses = sum(kind == "witness" for kind, *_ in keys)
        self.keys, self.quorum = keys, min(witnesses, 1) if quorum is None else quorum
        self.asked, self.each = asked or ("all",), each
        self.seen = [read_checkpoint(note, keys) for note in seen]
        self.header, self.manifest, self.sealed = None, None, None
        self.tree, self.next, self.previous, self.heads = Tree(), 0, None, {}
        self.signers, self.exporters, self.witnesses = [], [], {}
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
        if header["format"] != FORMAT or str(org) != header["org"]:
            raise Wrong("not a header")
        self.header, self.org, self.previous = header, org.bytes, genesis_hash(org.bytes)
        signed = self.attempt("the checkpoint", self.signed_head, header["checkpoint"], header["org"])
        if signed:
            self.sealed = signed[0]
            self.heads.setdefault(signed[0], []).append(signed[1])
            if self.sealed != header["size"]:
                self.wrong(BAD, "the header names another size")
        if not header["from"] <= header["to"] <= header["size"]:
            self.wrong(BAD, "the header names no range")
        self.compare()
        if "global" in header:
            self.attempt("the place in the global log", self.check_global, header["global"], signed)
        if len(self.witnesses) < self.quorum:
            self.wrong(QUORUM, f"{len(self.witnesses)} trusted witnesses cosigned, {self.quorum} must")
        if self.asked[0] == "period":
            made = header.get("period")
            if made is None or (made.get("from", -FOREVER) > self.asked[1] or made.get("to", FOREVER) < self.asked[2]):
                self.wrong(INCOMPLETE, "made for a period that does not cover the one asked for")

    def signed_head(self, note, log):
        """(size, root) of the checkpoint of a log, by a trusted key; no older than those seen earlier."""
        origin, size, root, signers = read_head(note, log, self.keys)
        for _, seen_size, seen_root, _ in [head for head in self.seen if head[0] == origin]:
            if size < seen_size:
                self.wrong(INCOMPLETE, f"{seen_size} were signed earlier, {size} are here")
            elif size == seen_size and root != seen_root:
                self.wrong(BAD, "another root was signed earlier")
            elif log != "global":
                self.heads.setdefault(seen_size, []).append(seen_root)
        self.signers = signers
        return size, root

    def check_global(self, given, signed):
        has(given, GLOBAL)
        size, root = self.signed_head(given["checkpoint"], "global")
        if signed:
            interval = given["head"], given["heads"], hashes(given["headPath"])
            place = given["index"], size, hashes(given["path"])
            if global_root(self.org, *signed, interval, place) != root:
                raise Wrong("the checkpoint is not in it")
        self.witnesses = open_note(given["checkpoint"], self.keys, ["witness"])[1]

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
        asked = {"all": (0, FOREVER), "shown": (0, 0)}.get(self.asked[0]) or self.asked[1:]
        if self.asked[0] == "period":
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
        if self.tree and any(head != self.tree.root() for head in self.heads.get(self.tree.size, [])):
            self.wrong(BAD, f"the first {self.tree.size} entries do not have the root that was signed")

    def number(self, body):
        """Emitters number their facts from 1 without a hole; the ledger states a hole as an entry."""
        source, target = body["source"], body.get("target", "")
        if body["type"] == "ledger.gap_detected.v1":
            self.stated += 1
            if target.startswith("incarnation:"):
                emitter, _, hole = target[12:].rpartition(":")
                self.numbers[emitter] = max(self.numbers.get(emitter, 0), int(hole.split("-")[1]))
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

    def check_manifest(self):
        text, signed, names = open_note(self.manifest, self.keys, ["export", "export-rsa"])
        expected = {key: self.header[key] for key in ["format", "from", "org", "size", "to"]}
        expected |= {"entries": self.shown, "redacted": self.hidden, "sha256": self.digest.hexdigest(),
                     "keys": names}
        if text != canonical(expected) + b"\n":
            raise Wrong("it is not of these lines")
        self.exporters = list(signed)
        if not signed and any(kind.startswith("export") for kind, *_ in self.keys):
            raise Unknown("no trusted export key signed it")
