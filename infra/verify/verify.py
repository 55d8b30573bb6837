#!/usr/bin/env python3
"""Verifies what a Writ ledger gave out, offline: verify.py FILE --keys KEYS.json

FILE is an export, a receipt, a statement of coverage or a compliance report. Python 3.11 and its standard
library; nothing of Writ is used. KEYS.json holds the keys *you* trust,
{"keys": ["name+id+base64", …], "exportKeys": […], "witnessKeys": […]}; what is verified brings none.
docs/guides/verify.md explains the words. The modules, in the order to read them:

  findings.py    what can be found, and the exit codes
  signatures.py  Ed25519, RSA
  tlog.py        entries, Merkle trees, signed notes, checkpoints
  bundle.py      an export: each entry, the chain of hashes, the tree, the log over all, the manifest
  statements.py  a receipt, a statement of coverage, a report
  recount.py     what a statement of coverage says, counted again from an export

Exit codes, the worst counts:
  0  everything holds
  1  the file or the keys cannot be read
  2  bad content: an entry, the chain, the tree, a proof or a signature is wrong
  3  unknown key: no trusted key signed
  4  incomplete range: entries that must be there are missing or not shown
  5  missing witness quorum: fewer trusted witnesses cosigned than you require
"""

import argparse, datetime, json, sys

import bundle, statements
from findings import BAD, CLEAN, QUORUM, UNREADABLE, USAGE, WORDS, WORST_FIRST, Wrong
from recount import Recount
from tlog import read_checkpoint, read_keys

LARGEST_STATEMENT = 2**20  # a larger file is read line by line


def read_moment(text):
    """A sequence number, or microseconds since 1970 of an RFC 3339 time or a date."""
    if text is None or text.isdecimal():
        return text and int(text), False
    moment = datetime.datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)
    since = moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return since // datetime.timedelta(microseconds=1), True


def read_asked(options):
    (start, timed), (end, timed_too) = read_moment(options.start), read_moment(options.end)
    if options.filtered:
        return ("shown",)
    if start is None and end is None:
        return ("all",)
    first, last = -bundle.FOREVER if start is None else start, bundle.FOREVER if end is None else end
    return ("period" if timed or timed_too else "entries"), first, last


def read_options(arguments):
    class Parser(argparse.ArgumentParser):
        def error(self, message):
            self.print_usage(sys.stderr)
            self.exit(USAGE, f"{self.prog}: {message}\n")

    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="what `writ audit export`, `receipt` or `coverage` wrote")
    parser.add_argument("--keys", required=True, metavar="KEYS.json", help="the keys you trust")
    parser.add_argument("--against", metavar="EXPORT", help="count a statement of coverage again from this whole export")
    parser.add_argument("--quorum", type=int, help="witnesses that must have cosigned; default: 1 if you trust any")
    parser.add_argument("--from", dest="start", help="only from this entry number or time on must be shown")
    parser.add_argument("--to", dest="end", help="only entries before this number or time must be shown")
    parser.add_argument("--filtered", action="store_true", help="entries may be left out, as the marks say")
    parser.add_argument("--seen", action="append", default=[], metavar="NOTE", help="a checkpoint you kept from earlier")
    return parser.parse_args(arguments)


def verify(file, keys, **options):
    """The run over an open file: a statement if it holds one, or else a bundle."""
    head = file.read(LARGEST_STATEMENT + 1)
    if len(head) <= LARGEST_STATEMENT and statements.is_one(head):
        return statements.Checked(head, keys)
    if len(head) <= LARGEST_STATEMENT and statements.is_action_receipt(head):
        return statements.ActionReceipt(head)
    file.seek(0)
    return bundle.Bundle(keys, **options).read(file)


def verify_against(file, export, keys, **options):
    """The runs over a statement of coverage and over a whole export, from which it is counted again."""
    run = statements.Checked(file.read(), keys)
    if run.code() != CLEAN or not run.statement["format"].startswith("writ-coverage/"):
        if run.code() == CLEAN:
            raise Wrong("only a statement of coverage can be counted again")
        return [run]
    stated = run.statement
    count = Recount(stated, read_checkpoint(stated["checkpoint"], keys)[1])
    seen = options.pop("seen", []) + [stated["checkpoint"]]
    whole = bundle.Bundle(keys, seen=seen, each=count.entry, **options).read(export)
    if whole.header and whole.header["org"] != stated["org"]:
        whole.wrong(BAD, "an export of another organisation")
    if whole.code() in (CLEAN, QUORUM):
        count.compare(run)
    return [run, whole]


def summary(run):
    """What the file is, first on the line of the result."""
    signers = ", ".join(run.signers) or "nobody trusted"
    if isinstance(run, statements.ActionReceipt):
        yield "agentboundary/v0.1, hashed and not signed: it shows that nothing changed since, not who made it"
    elif isinstance(run, statements.Checked):
        yield f"{run.statement['format'] if run.statement else 'a statement'}, signed by {signers}"
    else:
        org = run.header["org"] if run.header else "no ledger"
        yield f"{org}: {run.shown} entries shown, {run.hidden} not shown, {run.sealed} sealed by {signers}"
        yield f"manifest signed by {', '.join(run.exporters) or 'no key you trust for exports'}"
        if not run.hidden:
            yield f"gaps in the emitters' numbers: {run.stated} stated; {run.unstated} numbers unaccounted for"
    for name, time in run.witnesses.items():
        yield f"witnessed by {name} at {datetime.datetime.fromtimestamp(time, datetime.timezone.utc).isoformat()}"
    for sentence in run.sentences:
        yield f"- {sentence}"
    if run.total > len(run.sentences):
        yield f"and {run.total - len(run.sentences)} more"


def main(arguments=None):
    options = read_options(arguments)
    try:
        with open(options.keys, encoding="utf-8") as file:
            keys = read_keys(json.load(file))
        seen = [open(name, encoding="utf-8", newline="").read() for name in options.seen]
        told = {"quorum": options.quorum, "asked": read_asked(options), "seen": seen}
        with open(options.file, "rb") as file:
            if options.against is None:
                runs = [verify(file, keys, **told)]
            else:
                with open(options.against, "rb") as export:
                    runs = verify_against(file, export, keys, **told)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, Wrong) as why:
        print(f"cannot verify: {why}", file=sys.stderr)
        return UNREADABLE
    for run in runs:
        print(f"{WORDS[run.code()]}:", "\n  ".join(summary(run)))
    return worst(runs)


def worst(runs):
    codes = {run.code() for run in runs}
    return next(code for code in WORST_FIRST if code in codes)


if __name__ == "__main__":
    sys.exit(main())
