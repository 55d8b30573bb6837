"""An export for a SIEM (OCSF, CEF): lines as they are, and the manifest of the export, signed.

It shows that the organisation wrote these lines, all of them; the lines hold no proof that they are in the ledger.
"""

import hashlib, json, uuid

from bundle import LONGEST_LINE, exporters
from findings import INCOMPLETE, Findings, Unknown, Wrong
from tlog import U64, has, open_note, read_json, read_line, texts

FORMATS = ["ocsf/1.3.0", "cef/0"]
MANIFEST = {"entries": U64, "format": str, "from": U64, "keys": list, "org": str, "redacted": U64,
            "sha256": str, "size": U64, "to": U64}


def is_one(line):
    """By its first line."""
    if line.startswith((b"CEF:", b'{"manifest"')):
        return True
    try:
        return "class_uid" in json.loads(line.decode())
    except (ValueError, TypeError, RecursionError):
        return False


class Lines(Findings):
    """The manifest is the last line, or `beside` the file; `filtered`: entries may have been left out."""
    clean = "as exported"

    def __init__(self, keys, beside=None, filtered=False):
        super().__init__()
        self.keys, self.beside, self.filtered = keys, beside, filtered
        self.org, self.count, self.exporters, self.digest = None, 0, [], hashlib.sha256()

    def read(self, file):
        last = None
        for line in iter(lambda: file.readline(LONGEST_LINE), b""):
            self.take(last)
            last = line
        if self.beside is not None:
            self.take(last)
            last = self.beside
        if last is None or not last.startswith(b'{"manifest"'):
            self.wrong(INCOMPLETE, "it was cut short: there is no manifest at its end or in FILE.manifest.json")
        else:
            self.attempt("the manifest", self.check, last)
        return self

    def take(self, line):
        if line is not None:
            self.count += 1
            self.digest.update(line)

    def check(self, line):
        note = read_line(line, {"manifest": str})["manifest"]
        text, signed, lines = open_note(note, self.keys, ["export", "export-rsa"])
        said, spelling = read_json(text)
        has(said, MANIFEST)
        if spelling + b"\n" != text or texts(said["keys"]) != [f"{name}+{key_id}" for name, key_id, _ in lines]:
            raise Wrong("not as it was signed")
        if str(uuid.UUID(said["org"])) != said["org"] or said["format"] not in FORMATS:
            raise Wrong("not of an export for a SIEM")
        if (said["entries"], said["sha256"]) != (self.count, self.digest.hexdigest()):
            raise Wrong("it is not of these lines")
        self.org, self.exporters = said["org"], exporters(signed)
        if not signed:
            raise Unknown("no trusted export key signed it")
        if said["entries"] < said["size"] and not self.filtered:
            self.wrong(INCOMPLETE, f"{said['entries']} of {said['size']} entries are shown")
