/** What is not as on AWS, by name, and where else it is tried. */

/** What the emulator lacks. */
export const LACKS = {
  alarms: {
    what: 'takes no alarm with metric maths: monitoring=on is refused by it, and tried by test/system/infra/monitoring.test.ts',
    by: /Properties\.Metrics \(metric math\) is not supported/,
  },
  callers: {
    what: 'gives functions behind a Function URL no caller: support/start_emulator.py adds authorizer.iam as AWS documents it',
  },
  keys: {
    what: 'knows no leading keys of a request: support/start_emulator.py adds dynamodb:LeadingKeys as AWS documents it',
  },
  past: {
    what: 'restores a table to now, whatever moment is asked for: test/system/infra/restore.test.ts sets one back in time',
  },
  instances: {
    what: "puts no events of EC2 on its bus: the account's root does, whom support/start_emulator.py lets",
  },
} as const;

/** Commands of the documents that are not run, by the reason. */
export const LEFT_OUT: Readonly<Record<string, readonly string[]>> = {
  'npm ci has made what this suite runs with, and has no registry to ask here': [
    'npm ci',
    'git checkout VERSION && npm ci',
  ],
  'test/system/cloud/dockerd.test.ts, with a real dockerd': [
    'docker network create --ipam-driver berth check && docker network rm check',
    'berth doctor',
    'berth doctor --fix',
    'berth shim --health',
  ],
  'test/system/infra/systemd.test.ts, with a real systemd': ['systemctl restart berth'],
  'test/system/conformance/adoption.test.ts, a host on another machine': ['berth shim --host-id ID'],
  'test/system/accidents/which-machine.test.ts, with machines that say that they are one host': [
    'berth host former-dead ID',
    'berth doctor --free',
  ],
  'asks for refusals of a host that another machine has, of which there are none here': [
    "filter code = 'host-taken' | fields host, principal, reason",
  ],
  'words for several commands, or a part of one': [
    'berth host … --endpoint',
    'stats count(*) by principal',
    'stats count(*) by host',
  ],
  'bench/cost.test.ts': ['npm run bench:cost'],
  'this suite, and what it is a part of': ['npm run test:cloud', 'npm test'],
};
