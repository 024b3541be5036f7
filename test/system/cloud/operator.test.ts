/** A stack's whole life by the commands of docs/deployment.md and docs/operations.md, on an emulator of AWS. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { after, before, describe, it } from 'node:test';
import * as v from 'valibot';
import { limit, until } from '../../support/deadlines.ts';
import { whyNoEmulator } from './support/available.ts';
import { Checkout } from './support/checkout.ts';
import { ACCOUNT, Emulator, type Keys } from './support/emulator.ts';
import { terminationOf } from './support/events.ts';
import { LACKS, LEFT_OUT } from './support/left-out.ts';
import { Manual } from './support/manual.ts';
import { Operator } from './support/operator.ts';
import { PlacedShim } from './support/placed-shim.ts';
import { instanceKeys, itemsOf, makeInstanceRole, makeUser, messagesOf, outputsOf } from './support/stack.ts';

const INSTANCE = 'i-0123456789abcdef0';
/** LACKS.alarms */
const TAKEN = '--param monitoring=off';
const POOL = { AddressSpace: 'default', Pool: '', SubPool: '', Options: null, V6: false };

describe('an operator follows the documents', { skip: whyNoEmulator() ?? false, timeout: limit(600_000) }, () => {
  const manual = new Manual(['deployment.md', 'operations.md']);
  let emulator: Emulator;
  let operator: Operator;
  let outputs: Readonly<Record<string, string>> = {};
  let people: Keys;
  let instance: Keys;
  let shim: PlacedShim;
  /** A network that exists during all changes of the stack. */
  let poolId = '';

  const output = (name: string): string => outputs[name] ?? assert.fail(`the stack has no output ${name}`);
  const table = (): string => output('TableName');
  const deploy = (more = TAKEN): Promise<string> =>
    operator.does('npm run deploy -- --stage prod --region eu-west-1', { more });
  /** Each of them needs the fleet's endpoint, and is signed by an operator. */
  const says = (command: string, words: Readonly<Record<string, string>> = {}, more = ''): Promise<string> =>
    operator.does(command, { words, more: `${more} --endpoint ${output('Endpoint')}`, keys: people });
  const address = async (): Promise<string> => {
    const { json } = await shim.call('RequestAddress', { PoolID: poolId, Address: '', Options: {} });
    return String(json['Address'] ?? json['Error']);
  };
  /** The restored table as it must be, by the keys of its items. */
  const keysOf = async (name: string): Promise<string[]> =>
    (await itemsOf(emulator, name)).map(({ pk, sk }) => `${pk} ${sk}`).toSorted();

  before(async () => {
    emulator = await Emulator.start();
    operator = new Operator(emulator, new Checkout(path.join(emulator.place.folder, 'checkout')), manual);
  });

  after(async () => {
    await emulator.stop();
  });

  it('runs without a route or credentials of this machine', async () => {
    const { place } = emulator;
    assert.equal((await place.run('ip', ['route', 'show', 'table', 'main'])).stdout, '');
    assert.match((await place.run('ip', ['-o', 'link'])).stdout, /^1: lo:[^\n]*\n$/);
    assert.doesNotMatch((await place.run('env', [])).stdout, /^AWS_/m);
    const { code, stderr } = await place.run('aws', ['sts', 'get-caller-identity'], { env: emulator.trust });
    assert.notEqual(code, 0);
    assert.match(stderr, /Unable to locate credentials/);
  });

  it('packages, deploys, and reads the outputs', async () => {
    await operator.does('npm run package -- --stage prod --region eu-west-1');
    await deploy();
    const said = await operator.does(
      "aws cloudformation describe-stacks --stack-name berth-prod --query 'Stacks[0].Outputs'",
    );
    outputs = await outputsOf(emulator, 'berth-prod');
    for (const value of Object.values(outputs)) assert.ok(said.includes(value), said);
    assert.match(output('Endpoint'), /^https:\/\/[a-z0-9]+\.lambda-url\.eu-west-1\.on\.aws\/$/);
  });

  it('deploys again, which changes nothing', async () => {
    const code = ['lambda', 'list-functions', '--query', 'Functions[].[FunctionName,CodeSha256,Environment]'];
    const before = await emulator.aws(code);
    await deploy();
    assert.deepEqual(await emulator.aws(code), before);
    assert.deepEqual(await outputsOf(emulator, 'berth-prod'), outputs);
  });

  it('lets instances of a role be hosts, and a user be an operator', async () => {
    people = await makeUser(emulator, 'operator', output('OperatorPolicyArn'));
    await makeInstanceRole(emulator, 'ROLE');
    await operator.does('aws iam attach-role-policy --role-name ROLE --policy-arn HOST_POLICY_ARN', {
      words: { HOST_POLICY_ARN: output('HostPolicyArn') },
    });
    instance = await instanceKeys(emulator, 'ROLE', INSTANCE);
    manual.take('berth shim --endpoint URL');
    shim = await PlacedShim.start(emulator, { endpoint: output('Endpoint'), host: INSTANCE, keys: instance });
    const { json } = await shim.call('RequestPool', POOL);
    poolId = String(json['PoolID']);
    assert.match(await address(), /^10\.[\d.]+\/24$/);
    const words = { URL: output('Endpoint') };
    const shown = await operator.does('berth space show default --endpoint URL', { words, keys: people });
    assert.match(shown, /pools held +1 IPv4/);
  });

  it('changes a parameter, and the network continues to work', async () => {
    await deploy(`${TAKEN} --param logDays=7`);
    const groups = JSON.stringify(await emulator.aws(['logs', 'describe-log-groups']));
    assert.match(groups, /"logGroupName":"\/aws\/lambda\/berth-prod-pools"[^}]*"retentionInDays":7/);
    assert.match(await address(), /^10\./);
  });

  it('sees a failed deployment rolled back, and the network continues to work', async () => {
    const { code, stdout, stderr } = await operator.tries('npm run deploy -- --stage prod --region eu-west-1');
    assert.notEqual(code, 0);
    assert.match(stdout + stderr, LACKS.alarms.by);
    assert.deepEqual(await outputsOf(emulator, 'berth-prod'), outputs);
    assert.match(await address(), /^10\./);
  });

  it('lets no principal do what only others may', async () => {
    const unsigned = await emulator.post(output('Endpoint'), '/Berth.Handshake');
    assert.equal(unsigned.status, 403);
    const pools = await emulator.aws(['lambda', 'get-function-url-config', '--function-name', 'berth-prod-pools']);
    const { FunctionUrl } = v.parse(v.object({ FunctionUrl: v.string() }), pools);
    assert.equal((await emulator.post(FunctionUrl, '/IpamDriver.RequestPool')).status, 403);
    const shown = 'berth space show default --endpoint URL';
    const words = { URL: output('Endpoint') };
    const asHost = await operator.tries(shown, { words, keys: instance });
    assert.match(asHost.stderr, /answered HTTP 403/);
    const forged = { ...people, AWS_SECRET_ACCESS_KEY: 'wrong' };
    assert.match((await operator.tries(shown, { words, keys: forged })).stderr, /answered HTTP 403/);
    const invoke = ['lambda', 'invoke', '--function-name', 'berth-prod-pools', '/dev/null'];
    await assert.rejects(emulator.aws(invoke, instance), /not authorized to perform: lambda:InvokeFunction/);
  });

  it('manages spaces and hosts', async () => {
    assert.match(await says('berth space show NAME', { NAME: 'default' }), /space +default/);
    await says('berth space set NAME --range …', { NAME: 'default', '…': '10.192.0.0/11' });
    assert.match(await says('berth space show NAME', { NAME: 'default' }), /range +10\.192\.0\.0\/11/);
    await says('berth space set default --range …', { '…': '10.192.0.0/10' });
    assert.match(await says('berth host show ID', { ID: INSTANCE }), new RegExp(INSTANCE));
    await says('berth host drain ID', { ID: INSTANCE });
    assert.match(await address(), /is draining/);
    await says('berth host resume ID', { ID: INSTANCE });
    assert.match(await address(), /^10\./);
    const adopting = { ID: INSTANCE, ARN: `arn:aws:sts::${ACCOUNT}:assumed-role/ROLE/${INSTANCE}` };
    await assert.rejects(says('berth host adopt ID --principal ARN', adopting), /fenced/);
    await assert.rejects(says('berth host dead ID', { ID: 'nobody' }, '--yes'), /nobody has ever registered/);
    const keys = await instanceKeys(emulator, 'ROLE', 'second');
    const second = await PlacedShim.start(emulator, { endpoint: output('Endpoint'), host: 'second', keys });
    await second.call('RequestPool', POOL);
    await second.stop();
    await says(manual.find('--override-lease --yes'), { ID: 'second' });
  });

  it('follows a call through the logs', async () => {
    const { json } = await shim.call('RequestPool', { ...POOL, Pool: '10.0.0.0/33' });
    assert.match(String(json['Error']), /\S/);
    const [refused = '{}'] = await messagesOf(emulator, 'berth-prod-pools');
    const { request } = v.parse(v.pipe(v.string(), v.parseJson(), v.object({ request: v.string() })), refused);
    const query = manual.take("filter request = 'KEY' | sort @timestamp", { KEY: request });
    assert.ok(JSON.stringify(await emulator.queryLogs('berth-prod-pools', query)).includes(request));
    // The query may find nothing, but it must be valid.
    for (const beginning of ["filter message = 'failed'", "filter code = 'no-address-left'"]) {
      assert.match(
        JSON.stringify(await emulator.queryLogs('berth-prod-pools', manual.take(manual.find(beginning)))),
        /"status":"Complete"/,
      );
    }
  });

  it('sweeps by its schedule', async () => {
    await emulator.hastenSchedule('berth-prod-');
    const hasSwept = async (): Promise<boolean> =>
      (await messagesOf(emulator, 'berth-prod-sweep')).some((line) => line.includes('"swept"'));
    await until(hasSwept, 'the sweep has run', { milliseconds: 120_000, pause: 2_000 });
    for (const [name, beginning] of [
      ['sweep', "filter message = 'swept'"],
      ['sweep', "filter message = 'item left out'"],
      ['sweep', "filter message = 'part of the sweep failed'"],
      ['sweep', "filter level = 'ERROR'"],
      ['history', "filter message = 'a gap in the history'"],
    ] as const) {
      assert.match(
        JSON.stringify(await emulator.queryLogs(`berth-prod-${name}`, manual.take(manual.find(beginning)))),
        /"status":"Complete"/,
      );
    }
  });

  it('stops, restores and starts again', async () => {
    const words = { TABLE: table() };
    await operator.does(manual.find('--reserved-concurrent-executions 0'));
    assert.match(await address(), /AWS throttles Berth's functions/);
    await operator.does(manual.find('aws dynamodb restore-table-to-point-in-time'), { words });
    await operator.does('aws dynamodb wait table-exists --table-name TABLE-restored', { words });
    const good = await keysOf(`${table()}-restored`);
    // The damage: a script that deletes what it does not know.
    for (const { pk, sk } of await itemsOf(emulator, table())) {
      if (!pk.startsWith('pool#')) continue;
      const key = JSON.stringify({ pk: { S: pk }, sk: { S: sk } });
      await emulator.aws(['dynamodb', 'delete-item', '--table-name', table(), '--key', key]);
    }
    const restore = 'npm run restore -- --from TABLE-restored --to TABLE --region eu-west-1';
    assert.match(await operator.does(restore, { words }), /[1-9]\d* to be put, 0 to be deleted/);
    assert.match(await operator.does(`${restore} --write`, { words }), /[1-9]\d* put, 0 deleted/);
    assert.match(await operator.does(restore, { words }), /0 to be put, 0 to be deleted/);
    assert.deepEqual(await keysOf(table()), good);
    await operator.does(manual.find('capabilities:5'));
    assert.match(await address(), /^10\./);
    await operator.does(manual.find('berth-prod-sweep --reserved-concurrent-executions 2'));
    await operator.does(manual.find('aws lambda delete-function-concurrency'), { words: { NAME: 'console' } });
    await operator.does(manual.find('aws dynamodb delete-table'), { words });
  });

  it('receives the event of EC2 that an instance has ended, and frees what it held', async () => {
    await shim.stop();
    await emulator.aws(['events', 'put-events', '--entries', JSON.stringify([terminationOf(INSTANCE)])]);
    const states = async (): Promise<unknown> =>
      (await itemsOf(emulator, table())).flatMap(({ state }) => (state === undefined ? [] : [state])).toSorted();
    await until(
      async () => isDeepStrictEqual(await states(), ['dead', 'dead', 'gone', 'gone']),
      'both hosts are dead, their networks gone',
      {
        milliseconds: 60_000,
        pause: 2_000,
      },
    );
  });

  it('removes the stack, and the table stays', async () => {
    const words = { BUCKET: output('ServerlessDeploymentBucketName') };
    await operator.does('aws s3 rm s3://BUCKET --recursive', { words });
    await operator.does('aws cloudformation delete-stack --stack-name berth-prod');
    await operator.does('aws cloudformation wait stack-delete-complete --stack-name berth-prod');
    assert.deepEqual(await emulator.aws(['lambda', 'list-functions', '--query', 'Functions[].FunctionName']), []);
    assert.ok((await keysOf(table())).length > 0);
  });

  it('has run each command of the documents except for the listed ones', () => {
    const named = new Set(Object.values(LEFT_OUT).flat());
    assert.deepEqual(
      manual.left.filter((command) => !named.has(command)),
      [],
    );
    assert.deepEqual(
      [...named].filter((command) => !manual.left.includes(command)),
      [],
      'listed, but not left over',
    );
    const lines = Object.entries(LEFT_OUT).flatMap(([why, commands]) => [
      `  not here: ${why}`,
      ...commands.map((c) => `    ${c}`),
    ]);
    const lacks = Object.values(LACKS).map(({ what }) => `  the emulator: ${what}`);
    console.log(
      [
        'docs/deployment.md and docs/operations.md, run:',
        ...manual.taken.map((c) => `    ${c}`),
        ...lines,
        ...lacks,
      ].join('\n'),
    );
  });
});
