import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';

const root = path.join(import.meta.dirname, '..');

/** What each folder may import, beside itself: a folder of the project, or a package. */
const rules: Record<string, { folders: readonly string[]; packages: RegExp }> = {
  'functions/ipam': { folders: [], packages: /^$/ },
  'functions/dynamo': { folders: ['functions/ipam'], packages: /^(@aws-sdk\/|valibot$)/ },
  'functions/lambda': { folders: ['functions/ipam'], packages: /^(node:|aws-lambda$|valibot$)/ },
  functions: { folders: ['functions/ipam', 'functions/dynamo', 'functions/lambda'], packages: /^$/ },
  // The version is the manifest's.
  shim: { folders: ['.'], packages: /^(node:|commander$|http-proxy$|pino$|valibot$)/ },
};

const importsOf = (file: string): string[] =>
  [...readFileSync(path.join(root, file), 'utf8').matchAll(/(?: from |^import |import\()'([^']+)'/gm)].map(
    ([, name = '']) => name,
  );

function violations(folder: string, { folders, packages }: { folders: readonly string[]; packages: RegExp }): string[] {
  return globSync(`${folder}/*.ts`, { cwd: root }).flatMap((file) =>
    importsOf(file)
      .filter((name) => {
        if (!name.startsWith('.')) return !packages.test(name);
        const target = path.dirname(path.join(path.dirname(file), name));
        return target !== folder && !folders.includes(target);
      })
      .map((name) => `${file} imports ${name}`),
  );
}

describe('imports go one way', () => {
  for (const [folder, rule] of Object.entries(rules)) {
    it(`${folder} imports only what it may`, () => {
      assert.deepEqual(violations(folder, rule), []);
    });
  }

  it('notices an import that goes the wrong way', () => {
    assert.notDeepEqual(violations('functions/dynamo', { folders: [], packages: /^$/ }), []);
  });
});
