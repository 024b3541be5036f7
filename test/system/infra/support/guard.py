"""Runs the rules of a file of CloudFormation Guard over a template: `guard.py RULES TEMPLATE`. Prints the failures as JSON."""

import json
import sys

from cfn_guard_rs import run_checks

rules, template = (open(name, encoding="utf-8").read() for name in sys.argv[1:])
report = run_checks(json.loads(template), rules)
print(json.dumps({"compliant": report.compliant, "failed": [found.Rule.name for found in report.not_compliant]}))
