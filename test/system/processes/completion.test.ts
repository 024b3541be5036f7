/** Shells complete what `berth completion` has taught them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { runBerth } from '../../support/berth-process.ts';
import { root } from '../../support/repository.ts';

let folder: string;

before(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'berth-completion-'));
  const program = path.join(folder, 'berth');
  writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${root}/shim/main.ts' "$@"\n`);
  chmodSync(program, 0o755);
});
after(() => {
  rmSync(folder, { recursive: true });
});

/** What bash offers when the key is pressed at the end of a line. */
function completions(script: string, line: string): string[] {
  const words = line.split(' ');
  // What the package bash-completion brings, in short.
  const helper = '_get_comp_words_by_ref() { cur=$CUR; words=("${COMP_WORDS[@]}"); cword=$COMP_CWORD; }';
  const press = `COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}`;
  const { stdout, stderr, status } = spawnSync(
    'bash',
    ['-c', `${helper}\n${script}\ncompopt() { :; }\n${press}; __berth_complete; printf '%s\\n' "\${COMPREPLY[@]}"`],
    {
      encoding: 'utf8',
      env: { ...process.env, PATH: `${folder}:${process.env['PATH'] ?? ''}`, CUR: words.at(-1) ?? '' },
    },
  );
  assert.equal(status, 0, stderr);
  return stdout.split('\n').filter(Boolean);
}

describe('completion', () => {
  it('offers the commands, subcommands and options that begin so, in bash', async () => {
    const { code, out } = await runBerth(['completion', 'bash']);
    assert.equal(code, 0);
    assert.deepEqual(completions(out, 'berth who'), ['whois']);
    assert.deepEqual(completions(out, 'berth host dr'), ['drain']);
    assert.deepEqual(completions(out, 'berth hosts --st'), ['--state']);
  });

  it('has a script for each shell, and names them', async () => {
    for (const [shell, words] of [
      ['zsh', /^#compdef berth/],
      ['fish', /complete -c berth/],
    ] as const) {
      const { code, out } = await runBerth(['completion', shell]);
      assert.equal(code, 0);
      assert.match(out, words);
    }
    const { code, err } = await runBerth(['completion', 'tcsh']);
    assert.deepEqual([code, err.includes('Allowed choices are zsh, bash, fish')], [2, true], err);
  });
});
