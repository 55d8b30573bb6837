#!/usr/bin/env python3
"""Checks the chart without a cluster: strict lint, render, Kubernetes' own schemas, and that the
Ingress routes as `writ dev --processes` does.

Needs helm-python-sdk (Helm as a library) and kubernetes-validate: infra/dev/requirements-lint.txt.
"""

import re
import sys
import tomllib
from pathlib import Path

import helm_python as helm
import kubernetes_validate
import yaml

HERE = Path(__file__).resolve().parent
CHART = HERE / "helm/writ"
SERVICES = HERE.parent / "services"
ROUTES_RS = SERVICES / "writ-dev/src/routes.rs"
OLDEST, NEWEST = "1.30.0", "1.37.0"
# Kinds whose schemas come with an operator, not with Kubernetes.
FOREIGN = {"monitoring.coreos.com/v1"}

problems: list[str] = []


def problem(text: str) -> None:
    problems.append(text)


def variants() -> dict[str, dict]:
    """Value files by name; `scratch` is the defaults without anything that persists."""
    full = yaml.safe_load((CHART / "ci/full-values.yaml").read_text())
    scratch = {
        "services": {"enforcement": {"spool": {"persistent": False}}, "anomaly": {"replicas": 1}},
        "setup": {"enabled": False},
        "networkPolicy": {"enabled": False},
    }
    return {"defaults": {}, "full": full, "scratch": scratch}


def lint(name: str, values: dict) -> None:
    report = helm.lint(CHART, values, strict=True, namespace="writ", kube_version="v" + OLDEST)
    for message in report["messages"]:
        if message["severity"] >= 2:
            problem(f"{name}: lint: {message['path']}: {message['error']}")
    for error in report["errors"]:
        problem(f"{name}: lint: {error}")


def objects(name: str, values: dict) -> list[dict]:
    found = []
    with helm.Chart.load(CHART) as chart:
        rendered = chart.render(values, name="test", namespace="writ", is_install=True)
    for template, text in sorted(rendered.items()):
        if template.endswith(".txt"):
            continue
        try:
            found += [one for one in yaml.safe_load_all(text) if one]
        except yaml.YAMLError as error:
            problem(f"{name}: {template}: {error}")
    return found


def validate(name: str, thing: dict) -> None:
    if thing["apiVersion"] in FOREIGN:
        return
    for version in (OLDEST, NEWEST):
        where = f"{name}: {thing['kind']} {thing['metadata']['name']} ({version})"
        try:
            kubernetes_validate.validate(thing, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            path = ".".join(str(step) for step in error.path)
            problem(f"{where}: {path}: {error.message}")
        except kubernetes_validate.SchemaNotFoundError as error:
            problem(f"{where}: {error.message}")


def containers(thing: dict) -> list[dict]:
    return thing.get("spec", {}).get("template", {}).get("spec", {}).get("containers", [])


def hold_promises(name: str, things: list[dict]) -> None:
    """What the chart says about itself, beyond what a schema can say."""
    ids = [(thing["kind"], thing["metadata"]["name"]) for thing in things]
    for twice in {one for one in ids if ids.count(one) > 1}:
        problem(f"{name}: {twice} is rendered twice")
    services = {thing["metadata"]["name"] for thing in things if thing["kind"] == "Service"}
    for thing in things:
        where = f"{name}: {thing['kind']} {thing['metadata']['name']}"
        for container in containers(thing):
            security = container.get("securityContext", {})
            if not security.get("readOnlyRootFilesystem"):
                problem(f"{where}: writable root file system")
            if thing["kind"] != "Job" and "readinessProbe" not in container:
                problem(f"{where}: no readiness probe")
        for rule in thing.get("spec", {}).get("rules", []) if thing["kind"] == "Ingress" else []:
            for path in rule["http"]["paths"]:
                target = path["backend"]["service"]["name"]
                if target not in services:
                    problem(f"{where}: {path['path']} goes to {target}, which does not exist")


def has(settings: dict, path: list[str]) -> bool:
    """Whether a manual knows a setting; an empty table takes any."""
    for step in path:
        if not isinstance(settings, dict):
            return False
        if not settings:
            return True
        if step not in settings:
            return False
        settings = settings[step]
    return True


def known_settings(name: str, things: list[dict]) -> None:
    """A service refuses to start on a setting it does not know."""
    for thing in things:
        service = thing["metadata"].get("labels", {}).get("app.kubernetes.io/component")
        manual = SERVICES / str(service) / "config.default.toml"
        if thing["kind"] not in ("ConfigMap", "Secret") or not manual.is_file():
            continue
        settings = tomllib.loads(manual.read_text())
        prefix = f"WRIT_{service.upper().replace('-', '_')}__"
        for key in {**thing.get("data", {}), **thing.get("stringData", {})}:
            path = key.removeprefix(prefix).lower().split("__")
            if not key.startswith(prefix) or not has(settings, path):
                problem(f"{name}: {thing['metadata']['name']}: {service} has no setting {key}")


def expect_refusal(name: str, values: dict) -> None:
    with helm.Chart.load(CHART) as chart:
        try:
            chart.validate_schema(values)
        except helm.HelmValuesError:
            return
    problem(f"values.schema.json accepts {name}")


def refusals() -> None:
    expect_refusal("an unknown field", {"replica": 3})
    expect_refusal("an unknown service", {"services": {"gateway": {"replicas": 1}}})
    expect_refusal("credentials in the NATS URL", {"nats": {"url": "nats://a:b@n:4222"}})
    expect_refusal("four copies of a stream", {"setup": {"streamReplicas": 4}})
    expect_refusal("a witness without its key", {"witnesses": [{"url": "https://w.example"}]})
    expect_refusal("no enforcement", {"services": {"enforcement": {"replicas": 0}}})


def same_routes() -> None:
    """The chart's table against the front door's."""
    if not ROUTES_RS.is_file():
        return
    text = ROUTES_RS.read_text().split("#[cfg(test)]")[0]
    service = {"AuditLedger": "audit-ledger"}
    pairs = re.findall(r'\(\s*"([^"]*)",\s*Service::(\w+),?\s*\)', text)
    theirs = {(path, service.get(name, name.lower())) for path, name in pairs if path}
    table = yaml.safe_load((CHART / "files/routes.yaml").read_text())
    ours = {(row["path"], row["service"]) for rows in table.values() for row in rows}
    for path, name in sorted(theirs - ours):
        problem(f"files/routes.yaml lacks {path} -> {name}, which services/writ-dev has")
    for path, name in sorted(ours - theirs):
        problem(f"files/routes.yaml has {path} -> {name}, which services/writ-dev has not")


def main() -> int:
    for name, values in variants().items():
        lint(name, values)
        try:
            things = objects(name, values)
        except helm.HelmError as error:
            problem(f"{name}: render: {error}")
            continue
        for thing in things:
            validate(name, thing)
        hold_promises(name, things)
        known_settings(name, things)
        print(f"{name}: {len(things)} objects")
    refusals()
    same_routes()
    for text in problems:
        print(f"chart: {text}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
