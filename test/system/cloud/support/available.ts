/** Why this machine cannot run the emulator; undefined when it can. */
import { spawnSync } from 'node:child_process';
import { whyNoPython } from '../../infra/support/python.ts';

export function whyNoEmulator(): string | undefined {
  if (process.platform !== 'linux') return `namespaces need Linux, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'namespaces need root';
  const missing = ['ip', 'nsenter', 'unshare', 'openssl'].filter((tool) => spawnSync(tool, ['-h']).error !== undefined);
  if (missing.length > 0) return `not installed here: ${missing.join(', ')}`;
  return whyNoPython();
}
