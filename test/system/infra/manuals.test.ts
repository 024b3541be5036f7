/** Which suite runs the commands in README and docs/installation.md. The suite `cloud` runs those in other documents. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { Manual } from '../cloud/support/manual.ts';
import { root } from '../../support/repository.ts';

/** By the file whose tests run them, with the paths and names of a test host. */
const RUN_BY: Readonly<Record<string, readonly string[]>> = {
  '.ci/run': ['npm ci', 'npm test'],
  'test/system/infra/shim-package.test.ts': [
    ...['npm install --global ./berth-VERSION.tgz', 'npm uninstall --global berth', 'berth --version'],
    ...['berth shim --help', 'npm run berth -- shim --help'],
  ],
  'test/system/infra/systemd.test.ts': [
    ...['systemctl daemon-reload', 'systemctl enable --now berth.service', 'systemctl disable --now berth.service'],
    'systemctl daemon-reload && systemctl restart berth',
  ],
  'test/system/engine/managed-plugin.test.ts': [
    'docker plugin create example/berth:1 dist/plugin',
    'docker plugin set example/berth:1 BERTH_ENDPOINT=https://….lambda-url.eu-west-1.on.aws/ BERTH_HOST_ID=host-17',
    ...['docker plugin enable example/berth:1', 'docker network create --ipam-driver example/berth:1 demo'],
    ...['docker plugin disable -f NAME:TAG && docker plugin rm NAME:TAG', 'npm run package:plugin -- berth-ipvlan'],
    ...['docker plugin create', 'docker plugin enable', 'docker plugin disable', 'docker plugin disable -f'],
    ...['npm ci && npm run package:plugin', 'npm run package:plugin'],
  ],
  'test/system/engine/swarm.test.ts': [
    'docker network create -d overlay --ipam-driver NAME:TAG --subnet 10.77.0.0/24 web',
    'berth space set default.global --managers manager-1,manager-2,manager-3 --endpoint …',
  ],
  'test/system/engine/one-host.test.ts': [
    ...['npm start', 'berth up', 'docker network create --ipam-driver berth demo', 'docker network rm demo'],
    ...['docker run --rm --network demo busybox ip addr', 'docker network rm'],
  ],
  'test/system/engine/one-lan.test.ts': [
    'docker network create --ipam-driver berth -d macvlan -o parent=eth0 --subnet 10.90.0.0/24 --gateway 10.90.0.1 lan',
    'npm run berth -- shim --host-id second --sockets /run/second/plugins --data /var/lib/second --reconcile off \\\n' +
      '  --endpoint unix:/var/lib/berth/cloud/capabilities.sock',
    'berth shim',
  ],
  'test/system/conformance/doctor.test.ts': ['berth doctor', 'npm run berth -- doctor'],
  'test/system/conformance/exchange.test.ts': ['berth import', 'berth export'],
  'test/system/conformance/viewing.test.ts': ['berth pools', 'berth whois ADDRESS', 'berth find', 'berth hosts'],
  'test/system/conformance/fleet-life.test.ts': ['berth shim --health', 'npm run berth -- shim --health'],
  'test/system/accidents/adopted-by-a-stranger.test.ts': [
    'berth host adopt i-0123456789abcdef0 --endpoint … \\\n' +
      '  --principal arn:aws:sts::123456789012:assumed-role/berth-host/i-0fedcba9876543210',
    ...['berth host adopt', 'berth host adopt ID --principal ARN'],
  ],
  'test/system/accidents/dead-while-alive.test.ts': [
    ...['berth host dead', 'berth host dead ID', 'berth host dead ID --override-lease'],
  ],
  'test/system/accidents/which-machine.test.ts': ['berth host former-dead ID'],
  'test/system/upgrade/wire.test.ts': ['berth space set'],
  'test/system/cloud/operator.test.ts': ['npm run package', 'npm run deploy'],
  'package.json': [
    'npm ci && npm run package:shim',
    'npm run package:shim',
    // Each is a suite or a benchmark that `npm test` runs, or whose numbers it compares.
    ...['sim', 'auth', 'faults', 'lambda', 'cloud', 'upgrade', 'fleet'].map((suite) => `npm run test:${suite}`),
    ...['counts', 'fleet-cost', 'growth', 'cost', 'shim', 'cold', 'soak', 'history'].map(
      (bench) => `npm run bench:${bench}`,
    ),
    ...['npm test -- unit', 'npm test -- compose'],
  ],
};

const NOT_RUN: Readonly<Record<string, readonly string[]>> = {
  'names of programs': ['berth', 'node'],
  'an editor': ['systemctl edit berth'],
  'wants a registry of plugins': ['docker plugin push', 'docker plugin install', 'docker plugin upgrade'],
  'where the repository is, its readers know': ['git clone URL-OF-THIS-REPOSITORY berth && cd berth'],
  "asks AWS's STS who signs": ['aws sts get-caller-identity'],
  'shows what containers there are': ['docker ps -a'],
};

describe('each command in README and the installation manual', () => {
  const { commands } = new Manual(['installation.md', '../README.md']);
  const listed = new Set([...Object.values(RUN_BY), ...Object.values(NOT_RUN)].flat());

  it('is run by a test, or listed with the reason why not', () => {
    assert.deepEqual(
      [...commands].filter((command) => !listed.has(command)),
      [],
    );
  });

  it('is still in the documents if it is listed here', () => {
    assert.deepEqual(
      [...listed].filter((command) => !commands.has(command)),
      [],
    );
  });

  it('is run by files and package scripts that exist', () => {
    assert.deepEqual(
      Object.keys(RUN_BY).filter((file) => !existsSync(path.join(root, file))),
      [],
    );
    const scripts = readFileSync(path.join(root, 'package.json'), 'utf8');
    const named = [...listed].flatMap((command) => /npm run ([\w:-]+)/.exec(command)?.[1] ?? []);
    assert.deepEqual(
      named.filter((script) => !scripts.includes(`"${script}":`)),
      [],
    );
  });
});
