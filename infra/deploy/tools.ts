import { createRequire } from 'node:module';
import { join } from 'node:path';
import * as v from 'valibot';
import { installTools, run } from '../tools/install-tools.ts';

// Import nothing of the tools before installDeployTools() has run.
const here = import.meta.dirname;
const root = join(here, '../..');
const requireTool = createRequire(join(here, 'package.json'));

export function installDeployTools(): void {
  installTools(here);
}

/** A module of the tools. Its types do not exist before the tools are installed: parse what is used of it. */
export function tool(name: string): unknown {
  installDeployTools();
  return requireTool(name);
}

/** @param env added to the variables of this process. */
export function osls(args: readonly string[], env: Readonly<Record<string, string>> = {}): void {
  run(process.execPath, [requireTool.resolve('osls/bin/serverless.js'), ...args], root, env);
}

type ZipFiles = Record<string, readonly [Uint8Array, { mtime: Date; level: 9; os: number; attrs: number }]>;
const Fflate = v.object({
  zipSync: v.custom<(files: ZipFiles) => Uint8Array>((member) => typeof member === 'function'),
});

const UNIX_SYSTEM = 3;
const READABLE_FILE_MODE = 0o100644 << 16;

/**
 * A zip of one file that depends only on the name and the bytes. It has a fixed time (fflate writes local time, so the
 * constant is local too), a fixed owner and mode, and is deflated in JavaScript, since zlib's output differs by machine.
 */
export function zipOne(name: string, bytes: Uint8Array): Uint8Array {
  const { zipSync } = v.parse(Fflate, tool('fflate'));
  const mtime = new Date(1980, 0, 1);
  return zipSync({ [name]: [bytes, { mtime, level: 9, os: UNIX_SYSTEM, attrs: READABLE_FILE_MODE }] });
}
