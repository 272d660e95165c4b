"""What the samples for Grafana and Prometheus ask for, compared with what is served.

usage: figures_samples.py METRICS DASHBOARD RULES TESTS EXPRESSIONS
EXPRESSIONS is written: the dashboard's queries as rules that promtool can check.
"""
import json
import re
import sys

import yaml

faults = []


def fault(text):
    faults.append(text)


def read_metrics(path):
    """The labels of each name that is served, with their values: {name: {label: {value}}}."""
    served = {}
    for line in open(path):
        if line.startswith("#"):
            continue
        name, labels = re.match(r"(\w+)(?:\{(.*)\})? ", line).groups()
        values = served.setdefault(name, {})
        for label, value in re.findall(r'(\w+)="([^"]*)"', labels or ""):
            values.setdefault(label, set()).add(value)
    return served


OF_PROMETHEUS = {"job", "instance"}  # of the target, which Prometheus adds
OF_THE_TARGET = {"up"}
shown = set()


def check_expression(where, expression, served, recorded):
    names = set(re.findall(r"(?<![\w:])(?:greyd_\w+|job_instance:[\w:]+|up)(?=[{\[\s)]|$)", expression))
    if not names:
        fault(f"{where}: asks for nothing: {expression}")
    for name in names:
        if name in served:
            shown.add(name)
        elif name not in recorded and name not in OF_THE_TARGET:
            fault(f"{where}: {name} is not served")
    known = [served[name] for name in names if name in served]
    if len(known) < len(names) and not known:
        return
    for name, selector in re.findall(r"(greyd_\w+)\{([^}]*)\}", expression):
        for label, value in re.findall(r'(\w+)=~?"([^"]*)"', selector):
            if label in OF_PROMETHEUS or name not in served:
                continue
            if label not in served[name]:
                fault(f"{where}: {name} has no label '{label}'")
                continue
            for one in value.split("|"):
                if one not in served[name][label]:
                    fault(f"{where}: {name} has no {label} '{one}'")
    for labels in re.findall(r"by \(([^)]*)\)", expression):
        for label in re.split(r",\s*", labels):
            if label not in OF_PROMETHEUS and not any(label in values for values in known):
                fault(f"{where}: no label '{label}'")


def check_legend(where, expression, legend):
    """A label in a legend is one that the query leaves; of an aggregation what it is by."""
    by = re.findall(r"by \(([^)]*)\)", expression)
    left = set(re.split(r",\s*", by[0])) if by else None
    if re.match(r"sum\(", expression):
        left = set()
    for label in re.findall(r"\{\{(\w+)\}\}", legend):
        if left is not None and label not in left:
            fault(f"{where}: the query leaves no '{label}' for its legend")


def check_dashboard(path, served):
    dashboard = json.load(open(path))
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    if not {"datasource", "job", "instance"} <= variables:
        fault(f"not all of datasource, job and instance are variables: {sorted(variables)}")
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(dashboard))) - {"__rate_interval", "__range", "__interval", "__all"}
    for name in used - variables:
        fault(f"${name} is no variable")
    for name in variables - used:
        fault(f"variable {name} is not used")
    if dashboard["schemaVersion"] < 36 or not dashboard["uid"] or not dashboard["title"]:
        fault("no schemaVersion, uid or title of a current Grafana")
    ids, places, expressions = set(), set(), []
    for panel in dashboard["panels"]:
        where = f"panel {panel['id']} '{panel['title']}'"
        if not panel["title"]:
            fault(f"{where}: no title")
        if panel["id"] in ids:
            fault(f"{where}: its id is another's")
        ids.add(panel["id"])
        at = panel["gridPos"]
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                if (x, y) in places or x >= 24:
                    fault(f"{where}: over another one, or beyond the edge")
                places.add((x, y))
        if panel["type"] == "row":
            continue
        if not panel.get("description"):
            fault(f"{where}: no description")
        if not panel["fieldConfig"]["defaults"].get("unit"):
            fault(f"{where}: no unit")
        if not panel.get("targets"):
            fault(f"{where}: no query")
        for target in panel.get("targets", []):
            for source in (panel["datasource"], target["datasource"]):
                if source != {"type": "prometheus", "uid": "${datasource}"}:
                    fault(f"{where}: not the data source that is chosen")
            if 'job=~"$job"' not in target["expr"] or 'instance=~"$instance"' not in target["expr"]:
                fault(f"{where}: not of the job and instance that are chosen")
            check_expression(where, target["expr"], served, set())
            check_legend(where, target["expr"], target["legendFormat"])
            expressions.append(target["expr"])
        if len({target["refId"] for target in panel["targets"]}) != len(panel["targets"]):
            fault(f"{where}: two queries with one refId")
    for name in served:
        if name not in shown:
            fault(f"{name} is not shown")
    return expressions


def check_rules(path, tests, served):
    groups = yaml.safe_load(open(path))["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    recorded = {rule["record"] for rule in rules if "record" in rule}
    tested = open(tests).read()
    for rule in rules:
        where = rule.get("alert") or rule["record"]
        check_expression(where, rule["expr"], served, recorded)
        if where not in tested:
            fault(f"{where} is not tested")
        if "alert" not in rule:
            continue
        for field in ("summary", "description"):
            if not rule.get("annotations", {}).get(field):
                fault(f"{where}: no {field}")
        if not rule.get("for"):
            fault(f"{where}: no for")
        if rule.get("labels", {}).get("severity") not in ("info", "warning", "critical"):
            fault(f"{where}: no severity")


def main(metrics, dashboard, rules, tests, output):
    served = read_metrics(metrics)
    expressions = check_dashboard(dashboard, served)
    check_rules(rules, tests, served)
    plain = [
        re.sub(r"\$(__rate_interval|__range|__interval|window)", "5m", expression).replace("$", "")
        for expression in expressions
    ]
    checked = [{"record": f"panel:query:{i}", "expr": text} for i, text in enumerate(plain)]
    yaml.safe_dump({"groups": [{"name": "dashboard", "rules": checked}]}, open(output, "w"))
    print("\n".join(faults))
    print(f"{len(served)} names served, {len(expressions)} queries, {len(faults)} faults")
    return 1 if faults else 0


sys.exit(main(*sys.argv[1:]))
