/** What differs from AWS, by name, and where it is tested instead. */

/** What the emulator lacks. */
export const LACKS = {
  alarms: {
    what: 'refuses alarms with metric maths, and so monitoring=on, which test/system/infra/monitoring.test.ts covers',
    by: /Properties\.Metrics \(metric math\) is not supported/,
  },
  callers: {
    what: 'does not give functions behind a Function URL the caller: support/start_emulator.py adds authorizer.iam',
  },
  keys: {
    what: 'does not know the leading keys of a request: support/start_emulator.py adds dynamodb:LeadingKeys',
  },
  past: {
    what: 'always restores a table to the current moment: test/system/infra/restore.test.ts restores one to an earlier moment',
  },
  instances: {
    what: "does not put EC2 events on its bus: the account's root does, which support/start_emulator.py allows",
  },
} as const;

/** Commands of the documents that are not run, by the reason why. */
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
  'asks for refusals of a host that another machine has taken, which do not occur here': [
    "filter code = 'host-taken' | fields host, principal, reason",
  ],
  'stands for several commands, or a part of one': [
    'berth host … --endpoint',
    'stats count(*) by principal',
    'stats count(*) by host',
  ],
  'test/system/conformance/lifecycle.test.ts, the cloud on one machine': ['berth up'],
  'test/system/processes/dead-letters.test.ts, on one machine': [
    'berth dead-letters list',
    'berth dead-letters retry',
    'berth dead-letters drop',
  ],
  'test/system/processes/completion.test.ts, by a real bash': ['berth completion bash'],
  'test/system/processes/commands.test.ts, on one machine': [
    'berth check',
    'berth context set prod --endpoint URL',
    'berth context use prod',
    'berth context list',
    'berth host drain ID --context prod',
    'berth context remove prod',
  ],
  'bench/cost.test.ts': ['npm run bench:cost'],
  'this suite itself, or one that contains it': ['npm run test:cloud', 'npm test'],
};
