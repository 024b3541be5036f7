import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import ts from 'typescript';
import * as v from 'valibot';
import { root } from './support/repository.ts';

/** Node's own modules, as an import names them. */
const node = /^node:/;

/** The root of the rules, and folders in it. */
const ipam = (...folders: readonly string[]): string[] => [
  'protocol',
  'functions/ipam',
  ...folders.map((folder) => `functions/ipam/${folder}`),
];
const shim = (...folders: readonly string[]): string[] => [
  'protocol',
  'shim',
  ...folders.map((folder) => `shim/${folder}`),
];
const everyLayer = ipam('addresses', 'pools', 'spaces', 'hosts', 'recovery', 'sweep', 'history', 'views', 'check');

/**
 * What each folder of the sources may import: itself, these folders with their content, and these packages. A rule
 * also holds for subfolders, unless they have their own.
 */
const rules: Readonly<Record<string, { folders: readonly string[]; packages: RegExp }>> = {
  // What shim and functions both must know; neither imports the other.
  protocol: { folders: [], packages: /^valibot$/ },
  // The vocabulary and the port to the table; then, layer by layer, what uses them.
  'functions/ipam': { folders: ['protocol'], packages: /^$/ },
  'functions/ipam/addresses': { folders: ipam(), packages: /^$/ },
  'functions/ipam/pools': { folders: ipam('addresses'), packages: /^$/ },
  'functions/ipam/spaces': { folders: ipam('pools'), packages: /^$/ },
  'functions/ipam/hosts': { folders: ipam('addresses', 'pools', 'spaces'), packages: /^$/ },
  'functions/ipam/recovery': { folders: ipam('addresses', 'pools', 'hosts'), packages: /^$/ },
  'functions/ipam/sweep': { folders: ipam('addresses', 'pools', 'hosts'), packages: /^$/ },
  'functions/ipam/history': { folders: ipam(), packages: /^$/ },
  'functions/ipam/check': { folders: ipam('addresses'), packages: /^$/ },
  'functions/ipam/views': { folders: ipam('addresses', 'pools'), packages: /^$/ },
  'functions/dynamo': { folders: ipam('history'), packages: /^(@aws-sdk\/|node:(crypto|util|zlib)$|valibot$)/ },
  'functions/lambda': { folders: everyLayer, packages: /^(node:|aws-lambda$|valibot$)/ },
  functions: { folders: [...everyLayer, 'functions/dynamo', 'functions/lambda'], packages: /^$/ },
  'shim/aws': { folders: shim(), packages: /^(node:|@aws-sdk\/|@smithy\/|valibot$)/ },
  'shim/cloud': { folders: shim('aws'), packages: /^(node:|http-proxy$|valibot$)/ },
  'shim/journal': { folders: shim(), packages: /^(node:|valibot$)/ },
  'shim/host': { folders: shim('cloud', 'journal'), packages: /^(node:|@aws-sdk\/ec2-metadata-service$|valibot$)/ },
  'shim/outbox': { folders: shim('cloud', 'journal'), packages: /^(node:|p-queue$|pino$|valibot$)/ },
  'shim/reconcile': { folders: shim('cloud', 'journal', 'host'), packages: /^(node:|pino$|valibot$)/ },
  'shim/plugin': {
    folders: shim('cloud', 'journal', 'host', 'outbox', 'reconcile'),
    packages: /^(node:|p-queue$|pino$|prom-client$|valibot$)/,
  },
  'shim/commands': {
    folders: shim('aws', 'cloud', 'plugin'),
    packages: /^(node:|@bomb\.sh\/tab|cli-table3$|commander$|csv-parse\/|csv-stringify\/|valibot$|yocto-spinner$)/,
  },
  shim: {
    // The version comes from package.json.
    folders: ['.', ...shim('aws', 'cloud', 'journal', 'host', 'outbox', 'reconcile', 'plugin', 'commands')],
    packages: /^(node:|commander$|pino$|valibot$)/,
  },
  'infra/tools': { folders: [], packages: node },
  'infra/deploy': { folders: ['infra/tools'], packages: /^(node:|valibot$)/ },
  'infra/host': { folders: ['.', 'infra/tools'], packages: /^(node:|esbuild$|valibot$)/ },
  // Everything on one machine: the functions behind a server that checks signatures as AWS does.
  'infra/local': {
    folders: ['protocol', 'functions', 'functions/lambda', 'infra', 'shim', 'shim/aws'],
    packages: /^(node:|@aws-sdk\/client-dynamodb$|aws-lambda$|valibot$)/,
  },
  'infra/monitoring': { folders: [], packages: /^$/ },
  infra: {
    folders: ['functions/dynamo', 'infra/deploy'],
    packages: /^(node:|@aws-sdk\/|commander$|esbuild$|valibot$)/,
  },
};

/** All files of the program: nothing else is shipped. */
const SOURCES = ['protocol/**/*.ts', 'functions/**/*.{ts,js}', 'shim/**/*.{ts,js}', 'infra/**/*.{ts,js}'];
const sources = globSync(SOURCES, { cwd: root, exclude: ['**/node_modules'] }).sort();

const isThere = (name: string): boolean => existsSync(path.join(root, name));
/** Files of the project by path, packages by name. A missing file is only named in a string: the compiler checks the rest. */
const importsOf = (file: string): string[] =>
  [...readFileSync(path.join(root, file), 'utf8').matchAll(/(?: from |^import |import\()'([^']+)'/gm)]
    .map(([, name = '']) => (name.startsWith('.') ? `./${path.join(path.dirname(file), name)}` : name))
    .filter((name) => !name.startsWith('.') || isThere(name))
    .map((name) => name.replace(/^\.\//, ''));
const imports = new Map(sources.map((file) => [file, importsOf(file)]));

/** The folder whose rule applies to a folder: the nearest one that has a rule. */
function ruledBy(folder: string, ruled: readonly string[] = Object.keys(rules)): string | undefined {
  if (ruled.includes(folder)) return folder;
  return folder === '.' ? undefined : ruledBy(path.dirname(folder), ruled);
}

function violations(folder: string, { folders, packages } = rules[folder] ?? assert.fail(folder)): string[] {
  return [...imports].flatMap(([file, names]) => {
    if (ruledBy(path.dirname(file)) !== folder) return [];
    const isAllowed = (name: string): boolean => {
      if (!isThere(name)) return packages.test(name);
      const target = ruledBy(path.dirname(name)) ?? path.dirname(name);
      return target === folder || folders.includes(target);
    };
    return names.filter((name) => !isAllowed(name)).map((name) => `${file} imports ${name}`);
  });
}

/** A file's place in the figure: its folder; what wires the shim stands apart from what all of it uses. */
const placeOf = (file: string): string => (/^shim\/(main|serve)\.ts$/.test(file) ? 'shim/main' : path.dirname(file));

/** Files that import each other, directly or not: each cycle once. Types count: a reader of one file must read them all. */
function circles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const found: string[][] = [];
  const done = new Set<string>();
  const visit = (file: string, trail: readonly string[]): void => {
    if (trail.includes(file)) found.push([...trail.slice(trail.indexOf(file)), file]);
    if (trail.includes(file) || done.has(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...trail, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return found;
}

describe('imports go in one direction', () => {
  for (const folder of Object.keys(rules)) {
    it(`${folder} imports only what it may`, () => {
      assert.deepEqual(violations(folder), []);
    });
  }

  it('each folder of the sources has a rule, and each rule has files', () => {
    const folders = [...new Set(sources.map((file) => path.dirname(file)))];
    assert.deepEqual(
      folders.filter((folder) => ruledBy(folder) === undefined),
      [],
    );
    const used = new Set(folders.map((folder) => ruledBy(folder)));
    assert.deepEqual(
      Object.keys(rules).filter((folder) => !used.has(folder)),
      [],
    );
  });

  it('no files import each other in a cycle', () => {
    assert.deepEqual(circles(imports), []);
  });

  it('no folders import each other in a cycle', () => {
    const folders = Map.groupBy(imports, ([file]) => placeOf(file));
    const graph = [...folders].map(([folder, files]) => {
      const targets = files.flatMap(([, names]) => names.filter((name) => sources.includes(name)).map(placeOf));
      return [folder, [...new Set(targets)].filter((target) => target !== folder)] as const;
    });
    assert.deepEqual(circles(new Map(graph)), []);
  });

  it('an import in the wrong direction is detected', () => {
    assert.notDeepEqual(violations('functions/dynamo', { folders: [], packages: node }), []);
  });

  it('a folder without a rule is detected', () => {
    assert.equal(ruledBy('console/pages'), undefined);
  });

  it('a cycle is detected', () => {
    const circle = { a: ['b'], b: ['c', 'd'], c: ['a'], d: [] };
    assert.deepEqual(circles(new Map(Object.entries(circle))), [['a', 'b', 'c', 'a']]);
  });
});

describe('what shim and functions say to each other is defined once', () => {
  /** Of valibot, for an object with named fields. */
  const SCHEMA = /^v\.(object|looseObject|strictObject|objectWithRest)$/;
  /** Fields on the wire: those of Docker's messages and of ours start with a capital letter, our headers with `berth-`. */
  const WIRE = /^([A-Z]|berth-)/;
  /** What Docker itself tells the shim or an operator, which no function sees. */
  const ENGINE_API = ['shim/reconcile/docker-api.ts', 'shim/commands/import-docker.ts'];

  function schemaFields(code: string): string[] {
    const found: string[] = [];
    const visit = (node: ts.Node): void => {
      if (ts.isCallExpression(node) && SCHEMA.test(node.expression.getText())) {
        const [fields] = node.arguments;
        if (fields !== undefined && ts.isObjectLiteralExpression(fields)) {
          found.push(...fields.properties.flatMap(({ name }) => (name && 'text' in name ? [name.text] : [])));
        }
      }
      ts.forEachChild(node, visit);
    };
    visit(ts.createSourceFile('code.ts', code, ts.ScriptTarget.Latest, true));
    return found.filter((name) => WIRE.test(name));
  }

  const fieldsOf = (side: string): Set<string> =>
    new Set(
      sources
        .filter((file) => file.startsWith(`${side}/`) && !ENGINE_API.includes(file))
        .flatMap((file) => schemaFields(readFileSync(path.join(root, file), 'utf8'))),
    );
  const common = (one: ReadonlySet<string>, other: ReadonlySet<string>): string[] =>
    [...one].filter((name) => other.has(name));

  it('in protocol/: no schema of the shim or of the functions has a field of its messages', () => {
    const shared = fieldsOf('protocol');
    assert.ok(shared.size > 60);
    assert.deepEqual(common(shared, fieldsOf('shim')), []);
    assert.deepEqual(common(shared, fieldsOf('functions')), []);
  });

  it('and no schema stands on both sides', () => {
    assert.deepEqual(common(fieldsOf('shim'), fieldsOf('functions')), []);
  });

  it('a field in schemas of both sides is detected', () => {
    const one = new Set(
      schemaFields("const told = v.object({ Outcome: v.string(), kind: v.string(), 'berth-host': id });"),
    );
    const other = new Set(
      schemaFields('v.pipe(v.string(), v.strictObject({ More: v.object({ Outcome: v.any() }), kind }))'),
    );
    assert.deepEqual(common(one, other), ['Outcome']);
    assert.deepEqual([...one], ['Outcome', 'berth-host']);
  });
});

describe('the figure of docs/architecture.md', () => {
  const actual = new Set(
    [...imports].flatMap(([file, names]) =>
      names
        .filter((name) => sources.includes(name) && !file.startsWith('infra/'))
        .map((name) => `${placeOf(file)} --> ${placeOf(name)}`),
    ),
  );
  const drawn = [
    ...readFileSync(path.join(root, 'docs/architecture.md'), 'utf8').matchAll(/^ {2}(\S+) --> (\S+)$/gm),
  ].map(([, from = '', to = '']) => ({ from, to }));

  type Arrow = (typeof drawn)[number];

  /** All that arrows lead to. */
  const reachable = (from: string, arrows: readonly Arrow[], found = new Set<string>()): Set<string> => {
    for (const arrow of arrows) {
      if (arrow.from !== from || found.has(arrow.to)) continue;
      found.add(arrow.to);
      reachable(arrow.to, arrows, found);
    }
    return found;
  };

  it('leads from each folder to all that it imports', () => {
    const missing = [...actual].filter((arrow) => {
      const [from = '', to = ''] = arrow.split(' --> ');
      return from !== to && !reachable(from, drawn).has(to);
    });
    assert.deepEqual(missing, []);
  });

  it('has no arrow without an import, and none that the others already say', () => {
    const idle = drawn.filter(({ from, to }) => !actual.has(`${from} --> ${to}`));
    assert.deepEqual(idle, []);
    const needless = drawn.filter((arrow) =>
      reachable(
        arrow.from,
        drawn.filter((other) => other !== arrow),
      ).has(arrow.to),
    );
    assert.deepEqual(needless, []);
  });

  it('has no circle', () => {
    const graph = new Map(
      drawn.map(({ from }) => [from, drawn.filter((arrow) => arrow.from === from).map(({ to }) => to)]),
    );
    assert.deepEqual(circles(graph), []);
  });
});

describe('the conformance suite runs against the packages', () => {
  /** The first tests functions of something else than Berth; the second loads their code itself. */
  const OTHERS = ['upstream', 'one-endpoint'];

  it('with all of its files that call functions', () => {
    const names = (folder: string): string[] =>
      globSync(`${folder}/*.test.ts`, { cwd: root }).map((file) => path.basename(file, '.test.ts'));
    const expected = names('test/system/conformance').filter((name) => !OTHERS.includes(name));
    assert.deepEqual(names('test/system/lambda/conformance').sort(), expected.sort());
  });
});

describe('the documents name only what exists', () => {
  it('among the guards and controls of the data model', () => {
    const document = readFileSync(path.join(root, 'docs/data-model.md'), 'utf8');
    const table = document.slice(document.indexOf('## Every condition'));
    const titles = [...table.matchAll(/"([^"]+)"/g)].map(([, title = '']) => title);
    const files = globSync(['test/models/store/*guards.ts', 'test/models/*.ts'], { cwd: root });
    const tests = files.map((file) => readFileSync(path.join(root, file), 'utf8')).join('');
    assert.ok(titles.length > 40);
    assert.deepEqual(
      titles.filter((title) => !tests.includes(`'${title}'`) && !tests.includes(`'fails when ${title}'`)),
      [],
    );
  });

  it('among files and folders', () => {
    const documents = ['README.md', ...globSync('docs/**/*.md', { cwd: root })];
    const missing = documents.flatMap((document) => {
      const text = readFileSync(path.join(root, document), 'utf8');
      const named = [...text.matchAll(/`((?:protocol|functions|shim|infra|test|bench|docs)\/[\w./-]*)`/g)].map(
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

  // Only these are installed with scripts on; npm 11 warns of each that `allowScripts` does not list, and npm 12 runs none.
  for (const folder of ['.', 'test/system/lambda/runtime-client']) {
    it(`in ${folder} are each allowed or denied, so that \`npm ci\` warns of none`, () => {
      const { packages } = parse(lockfile, `${folder}/package-lock.json`);
      const scripted = Object.keys(packages).filter((name) => packages[name]?.hasInstallScript === true);
      const names = scripted.map((name) => name.replace(/^.*node_modules\//, ''));
      assert.deepEqual(Object.keys(parse(manifest, `${folder}/package.json`).allowScripts), names);
    });
  }
});
