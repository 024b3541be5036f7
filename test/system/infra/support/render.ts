/** Templates as `npm run package` renders them. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';
import { root } from '../../../support/repository.ts';

/** The variants of a stack, by its parameters. */
export const variants = {
  'function-urls': [],
  'http-api': ['front=http-api'],
  'custom-domain': [
    'front=custom-domain',
    'domain=berth.example.com',
    'certificate=arn:aws:acm:eu-west-1:123456789012:certificate/00000000-0000-4000-8000-000000000000',
  ],
  'all-off': ['concurrency=off', 'monitoring=off', 'history=off'],
  'all-on': [
    'front=http-api',
    'concurrency=on',
    'tracing=on',
    'fencedHosts=3',
    'rate=100',
    'burst=200',
    'logDays=7',
    'historyDays=7',
  ],
} as const;
export type Variant = keyof typeof variants;

const json = v.pipe(v.string(), v.parseJson());

export const templateFile = (dir: string): string => path.join(dir, 'cloudformation-template-update-stack.json');

/** As a user runs it, but without AWS credentials and in a distant time zone. */
export function render(dir: string, variant: Variant): unknown {
  const inherited = Object.entries(process.env).filter(([key]) => !/^(AWS|BERTH)_/.test(key));
  const none = path.join(dir, 'no-such-file');
  const env = {
    ...Object.fromEntries(inherited),
    AWS_SHARED_CREDENTIALS_FILE: none,
    AWS_CONFIG_FILE: none,
    AWS_EC2_METADATA_DISABLED: 'true',
    TZ: 'Asia/Tokyo',
  };
  const parameters = variants[variant].flatMap((pair) => ['--param', pair]);
  const args = ['package', '--stage', 'test', '--region', 'eu-west-1', '--package', dir, ...parameters];
  execFileSync(process.execPath, ['infra/stack.ts', ...args], { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  return v.parse(json, readFileSync(templateFile(dir), 'utf8'));
}
