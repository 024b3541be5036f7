/** The size and contents of a function's bundle, and that it works as it is deployed, in a separate process. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { build } from 'esbuild';
import { type Bundle, type FunctionName, buildFunctions, bundle, functionNames } from '../../../infra/build.ts';
import { leaveOut } from '../../../infra/left-out.ts';
import { root } from '../../support/repository.ts';
import { engineStore } from '../../support/engine-store.ts';
import { LAMBDA_ENVIRONMENT, callFresh } from '../../support/fresh-function.ts';
import { firstCalls, poolIdOf, register, requestPool } from '../../support/function-calls.ts';
import { scratchFolder } from './support/scratch.ts';

const KIB = 1024;
const scratch = scratchFolder('bundles');

/** Limits of the functions with the SDK, and of the one without. They are counts, so the machine's speed does not matter. */
const budget = (name: FunctionName) =>
  name === 'capabilities'
    ? { bytes: 20 * KIB, zipped: 8 * KIB, modules: 20, ofDefaults: 1 }
    : { bytes: 228 * KIB, zipped: 80 * KIB, modules: 360, ofDefaults: 0.25 };

const bundles = new Map<FunctionName, Bundle>();
const fileOf = (name: FunctionName): string => path.join(scratch, name, 'index.js');
const of = (name: FunctionName): Bundle => bundles.get(name) ?? assert.fail();

before(async () => {
  await buildFunctions(scratch);
  for (const name of functionNames) bundles.set(name, await bundle(name, fileOf(name)));
});

/** esbuild's bundle for Node with default options. */
async function defaultBytes(name: FunctionName): Promise<number> {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [`functions/${name}.ts`],
    bundle: true,
    platform: 'node',
    write: false,
    logLevel: 'error',
  });
  return outputFiles[0]?.contents.length ?? assert.fail();
}

describe('the bundle of', () => {
  for (const name of functionNames) {
    const { bytes, zipped, modules, ofDefaults } = budget(name);

    it(`${name} has at most ${bytes / KIB} KiB, ${zipped / KIB} KiB zipped, of ${modules} modules`, () => {
      const { code, modules: made } = of(name);
      assert.ok(code.length <= bytes, `${code.length} bytes`);
      assert.ok(made.length <= modules, `${made.length} modules`);
      assert.ok(statSync(path.join(scratch, `${name}.zip`)).size <= zipped);
    });

    it(`${name} is at most ${ofDefaults} of its size with esbuild's default options`, async () => {
      const ratio = of(name).code.length / (await defaultBytes(name));
      assert.ok(ratio <= ofDefaults, String(ratio));
    });

    it(`${name} imports nothing at run time except for Node's own modules`, () => {
      const text = Buffer.from(of(name).code).toString('utf8');
      assert.doesNotMatch(text, /\bimport\s*\(/);
      const required = [...text.matchAll(/\brequire\("([^"]+)"\)/g)].map(([, module = '']) => module);
      assert.deepEqual(
        required.filter((module) => !module.startsWith('node:')),
        [],
      );
    });

    it(`${name} has a source map, which is not deployed`, () => {
      assert.ok(statSync(`${fileOf(name)}.map`).size > of(name).code.length);
      assert.doesNotMatch(Buffer.from(of(name).code).toString('utf8'), /sourceMappingURL/);
    });
  }

  it('contains the AWS SDK, except for capabilities, which does not use the table', () => {
    const withSdk = functionNames.filter((name) => of(name).modules.some((file) => file.includes('@aws-sdk/')));
    assert.deepEqual(
      withSdk,
      functionNames.filter((name) => name !== 'capabilities'),
    );
  });
});

describe('a module that is left out of the bundles', () => {
  const without = (entry: Parameters<typeof leaveOut>[0]) =>
    build({
      absWorkingDir: root,
      entryPoints: ['functions/pools.ts'],
      bundle: true,
      platform: 'node',
      mainFields: ['module', 'main'],
      write: false,
      logLevel: 'silent',
      plugins: [leaveOut(entry)],
    });

  it('exists, or the build fails: the SDK has moved it', async () => {
    const moved = { module: '@smithy/core/dist-es/moved.js', why: 'a test', instead: () => '' };
    const met = { module: '@aws-sdk/client-dynamodb/package.json', why: 'a test', instead: () => '{}' };
    await assert.rejects(
      without([moved, met]),
      /there is no @smithy\/core\/dist-es\/moved\.js to be left out any more/,
    );
  });

  it('makes a difference, or the build fails: the SDK has changed it', async () => {
    const unchanged = {
      module: '@aws-sdk/client-dynamodb/package.json',
      why: 'a test',
      instead: (text: string) => text,
    };
    await assert.rejects(without([unchanged]), /there is nothing to be left out of @aws-sdk\/client-dynamodb/);
  });
});

describe('a bundle in a separate process', () => {
  it('answers its first call on the embedded engine without the modules that are left out', async (t) => {
    const engine = await engineStore();
    t.after(() => engine.close());
    const environment = {
      ...LAMBDA_ENVIRONMENT,
      BERTH_TABLE: engine.table,
      AWS_ENDPOINT_URL_DYNAMODB: engine.endpoint,
      ...Object.fromEntries(
        ['POOLS', 'ADDRESSES', 'HOSTS', 'CONSOLE', 'VIEWER', 'CHECK'].map((name) => [
          `BERTH_${name}_URL`,
          'https://x/',
        ]),
      ),
    };
    const call = (name: FunctionName, event: object) => callFresh(fileOf(name), environment, event).answer;
    assert.equal(call('hosts', register('web-1'))?.statusCode, 200);
    const poolId = poolIdOf(call('pools', requestPool('web-1'))?.body);
    const answers = Object.entries(firstCalls('web-1', poolId)).map(([name, event]) => {
      const known = functionNames.find((one) => one === name) ?? assert.fail();
      return [name, call(known, event)] as const;
    });
    const told = Object.fromEntries(answers.map(([name, answer]) => [name, answer?.body]));
    assert.partialDeepStrictEqual(told, {
      capabilities: { Functions: { Pools: 'https://x/' } },
      hosts: { State: 'live', HeartbeatSeconds: 600 },
      console: { Outcome: 'unknown' },
      viewer: { Pools: [{ Space: 'default', CreatedBy: 'web-1' }, {}], Next: null },
      check: { Findings: [], Next: null },
      sweep: undefined,
    });
    assert.match(JSON.stringify(told['addresses']), /^{"Address":"\d+\.\d+\.\d+\.\d+\/\d+","Data":{}}$/);
    assert.match(JSON.stringify(told['pools']), /^{"PoolID":"[^"]+","Pool":"[\d.]+\/\d+","Data":{}}$/);
  });
});

it('zips are the same byte for byte from another folder, on another day, in another time zone', () => {
  const copy = path.join(scratch, 'elsewhere');
  for (const part of ['protocol', 'functions', 'infra', 'package.json', 'tsconfig.json']) {
    cpSync(path.join(root, part), path.join(copy, part), {
      recursive: true,
      filter: (from) => !from.includes('node_modules'),
    });
  }
  // esbuild would follow a symbolic link back to its target; a hard link needs the same file system.
  const modules = ['node_modules', copy];
  execFileSync('sh', ['-c', 'cp -al "$@" 2>/dev/null || cp -a "$@"', 'sh', ...modules], { cwd: root });
  symlinkSync(path.join(root, 'infra/deploy/node_modules'), path.join(copy, 'infra/deploy/node_modules'));
  const program = `import { buildFunctions } from './infra/build.ts'; await buildFunctions(process.cwd() + '/made');`;
  execFileSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: copy,
    env: { ...process.env, TZ: 'Asia/Tokyo', LC_ALL: 'tr_TR.UTF-8' },
  });
  for (const name of functionNames) {
    const [here, there] = [path.join(scratch, `${name}.zip`), path.join(copy, 'made', `${name}.zip`)];
    assert.ok(readFileSync(here).equals(readFileSync(there)), name);
  }
});
