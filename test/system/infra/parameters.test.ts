/** The parameters of a deployment, and the errors for invalid ones. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { checkParameters, parameterNames } from '../../../infra/parameters.ts';
import { root } from '../../support/repository.ts';
import { variants } from './support/render.ts';

const CERTIFICATE = 'certificate=arn:aws:acm:eu-west-1:123456789012:certificate/0';

describe('the parameters of a deployment', () => {
  for (const [name, pairs] of Object.entries(variants)) {
    it(`are accepted in either notation: ${name}`, () => {
      assert.equal(checkParameters(['--stage', 'prod', ...pairs.flatMap((pair) => ['--param', pair])]), undefined);
      assert.equal(checkParameters([...pairs.map((pair) => `--param=${pair}`), '--region', 'eu-west-1']), undefined);
    });
  }

  for (const [pairs, words] of [
    [['front=none'], /^--param front=none: give function-urls or http-api or custom-domain$/],
    [['fronts=http-api'], /^--param fronts: unknown; the parameters are front, domain, /],
    [['front'], /^--param front: give KEY=VALUE$/],
    [['front=custom-domain', 'domain=berth.example.com'], /needs domain=NAME and certificate=ARN$/],
    [['domain=berth.example.com', CERTIFICATE], /are only for front=custom-domain$/],
    [['front=custom-domain', 'domain=https://berth', CERTIFICATE], /^--param domain=https:\/\/berth: give a host name/],
    [['tracing=yes'], /^--param tracing=yes: give on or off$/],
    [['rate=0'], /^--param rate=0: give a whole number of at least 1$/],
    [['logDays=31'], /^--param logDays=31: give 1 or 3 or 5 /],
  ] as const) {
    it(`are refused with the value and the remedy: ${pairs.join(' ')}`, () => {
      assert.match(checkParameters(pairs.map((pair) => `--param=${pair}`)) ?? '', words);
    });
  }

  it('are those of serverless.yml and of the documents', () => {
    const text = readFileSync(path.join(root, 'serverless.yml'), 'utf8');
    const defaults = /^params:\n {2}default:\n((?: {4}.*\n)+)/m.exec(text)?.[1] ?? '';
    const known = [...defaults.matchAll(/^ {4}(\w+):/gm)].map(([, name = '']) => name).sort();
    assert.deepEqual([...parameterNames].sort(), known);
    const table = readFileSync(path.join(root, 'docs/deployment.md'), 'utf8');
    assert.deepEqual(
      known.filter((name) => !new RegExp(`^\\| .*\`${name}\`.*\\|`, 'm').test(table)),
      [],
    );
  });

  it('stop the program before anything is built', () => {
    const args = ['infra/stack.ts', 'package', '--param', 'front=none'];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
    assert.deepEqual([status, stdout], [1, '']);
    assert.match(stderr, /^--param front=none: give /);
  });
});
