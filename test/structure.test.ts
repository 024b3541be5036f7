import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import * as v from 'valibot';

const root = path.join(import.meta.dirname, '..');

/** What each folder may import, beside itself: a folder of the project, or a package. */
const rules: Record<string, { folders: readonly string[]; packages: RegExp }> = {
  'functions/ipam': { folders: [], packages: /^$/ },
  'functions/dynamo': { folders: ['functions/ipam'], packages: /^(@aws-sdk\/|node:crypto$|valibot$)/ },
  'functions/lambda': { folders: ['functions/ipam'], packages: /^(node:|aws-lambda$|valibot$)/ },
  functions: { folders: ['functions/ipam', 'functions/dynamo', 'functions/lambda'], packages: /^$/ },
  'shim/aws': { folders: ['shim'], packages: /^(node:|@aws-sdk\/|@smithy\/|valibot$)/ },
  'shim/journal': { folders: ['shim'], packages: /^(node:|valibot$)/ },
  'shim/reconcile': { folders: ['shim', 'shim/cloud', 'shim/journal'], packages: /^(node:|pino$|valibot$)/ },
  'shim/cloud': { folders: ['shim', 'shim/aws'], packages: /^(node:|http-proxy$|valibot$)/ },
  shim: {
    // The version is the manifest's.
    folders: ['.', 'shim/aws', 'shim/cloud', 'shim/journal', 'shim/reconcile'],
    packages: /^(node:|@aws-sdk\/ec2-metadata-service$|commander$|p-queue$|pino$|prom-client$|valibot$)/,
  },
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

describe('the conformance suite runs over the packages', () => {
  /** The first is of functions that are none; the second loads their code itself. */
  const OTHERS = ['upstream', 'one-endpoint'];

  it('all of it that asks functions', () => {
    const names = (folder: string): string[] =>
      globSync(`${folder}/*.test.ts`, { cwd: root }).map((file) => path.basename(file, '.test.ts'));
    const expected = names('test/conformance').filter((name) => !OTHERS.includes(name));
    assert.deepEqual(names('test/lambda/conformance').sort(), expected.sort());
  });
});

describe('what the documents name is there', () => {
  it('the guards and controls of the data model', () => {
    const document = readFileSync(path.join(root, 'docs/data-model.md'), 'utf8');
    const table = document.slice(document.indexOf('## Every condition'));
    const titles = [...table.matchAll(/"([^"]+)"/g)].map(([, title = '']) => title);
    const files = globSync(['test/contract/*guards.ts', 'test/sim/*.ts'], { cwd: root });
    const tests = files.map((file) => readFileSync(path.join(root, file), 'utf8')).join('');
    assert.ok(titles.length > 40);
    assert.deepEqual(
      titles.filter((title) => !tests.includes(`'${title}'`) && !tests.includes(`'fails when ${title}'`)),
      [],
    );
  });

  it('the files and folders', () => {
    const documents = ['README.md', ...globSync('docs/**/*.md', { cwd: root })];
    const missing = documents.flatMap((document) => {
      const text = readFileSync(path.join(root, document), 'utf8');
      const named = [...text.matchAll(/`((?:functions|shim|infra|test|docs)\/[\w./-]*)`/g)].map(
        ([, name = '']) => name,
      );
      return named.filter((name) => !existsSync(path.join(root, name))).map((name) => `${document}: ${name}`);
    });
    assert.deepEqual(missing, []);
  });
});

describe('the install scripts of packages', () => {
  const json = v.pipe(v.string(), v.parseJson());
  const lockfile = v.object({
    packages: v.record(v.string(), v.object({ hasInstallScript: v.optional(v.boolean()) })),
  });
  const manifest = v.object({ allowScripts: v.optional(v.record(v.string(), v.boolean()), {}) });
  const parse = <const S extends v.GenericSchema>(schema: S, file: string): v.InferOutput<S> =>
    v.parse(schema, v.parse(json, readFileSync(path.join(root, file), 'utf8')));

  // These alone are installed with scripts on; npm 11 warns of each that `allowScripts` says nothing of, and npm 12 runs none.
  for (const folder of ['.', 'test/lambda/runtime-client']) {
    it(`in ${folder} are each allowed or denied, so that \`npm ci\` warns of none`, () => {
      const { packages } = parse(lockfile, `${folder}/package-lock.json`);
      const scripted = Object.keys(packages).filter((name) => packages[name]?.hasInstallScript === true);
      const names = scripted.map((name) => name.replace(/^.*node_modules\//, ''));
      assert.deepEqual(Object.keys(parse(manifest, `${folder}/package.json`).allowScripts), names);
    });
  }
});
