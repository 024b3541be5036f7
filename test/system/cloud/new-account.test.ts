/** A new account, with about 10 concurrent executions: an HTTP API, upgrade and rollback, and missing parts. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { limit } from '../../support/deadlines.ts';
import { whyNoEmulator } from './support/available.ts';
import { Checkout } from './support/checkout.ts';
import { Emulator, type Keys } from './support/emulator.ts';
import { Manual } from './support/manual.ts';
import { checkOut } from './support/old-functions.ts';
import { Operator } from './support/operator.ts';
import { PlacedShim } from './support/placed-shim.ts';
import { makeUser, outputsOf } from './support/stack.ts';

const DEPLOY = 'npm run deploy -- --stage prod --region eu-west-1';
const PARAMETERS = '--param monitoring=off --param front=http-api --param tracing=on';
const POOL = { AddressSpace: 'default', Pool: '', SubPool: '', Options: null, V6: false };
const HOST = 'host-1';

describe('a new account', { skip: whyNoEmulator() ?? false, timeout: limit(600_000) }, () => {
  const manual = new Manual(['deployment.md', 'operations.md']);
  let emulator: Emulator;
  let current: Operator;
  let old: Operator;
  let outputs: Readonly<Record<string, string>> = {};
  let keys: { readonly host: Keys; readonly operator: Keys };
  let shim: PlacedShim;
  let poolId = '';

  const endpoint = (): string => outputs['Endpoint'] ?? assert.fail('the stack has no output Endpoint');
  const checkout = (name: string): Checkout => new Checkout(path.join(emulator.place.folder, name));
  const working = (from: Checkout): Operator => new Operator(emulator, from, manual);
  const ask = async (method: string, body: object): Promise<string> =>
    JSON.stringify((await shim.call(method, body)).json);
  const address = (): Promise<string> => ask('RequestAddress', { PoolID: poolId, Address: '', Options: {} });
  const show = (whose: Keys) =>
    current.tries('berth space show default --endpoint URL', { words: { URL: endpoint() }, keys: whose });
  /** Deploys a checkout in which something is missing. */
  const deployWithout = (file: string, text: RegExp, instead = '') => {
    const lacking = checkout(`without-${path.basename(file)}`);
    lacking.change(file, text, instead);
    return working(lacking).tries(DEPLOY, { more: PARAMETERS });
  };

  before(async () => {
    emulator = await Emulator.start({ concurrency: 10 });
    current = working(checkout('current'));
    const earlier = checkout('old');
    checkOut(earlier, 'v0.1.0');
    old = working(earlier);
  });

  after(() => emulator.stop());

  it('cannot be deployed to if serverless.yml does not name each function as a package', async () => {
    const { code, stdout, stderr } = await deployWithout('serverless.yml', /^package: .*$/m);
    assert.notEqual(code, 0);
    assert.match(stdout + stderr, /No berth\.zip file found/);
  });

  it('accepts a first deployment with the defaults, which reserves none of its small quota', async () => {
    const said = await old.does(DEPLOY, { more: PARAMETERS });
    assert.match(said, /concurrency=off: the functions reserve none: the account has 10 concurrent executions/);
    outputs = await outputsOf(emulator, 'berth-prod');
    assert.match(endpoint(), /^https:\/\/[a-z0-9]+\.execute-api\.eu-west-1\.amazonaws\.com/);
  });

  it('has a host that continues to work when the functions are upgraded and rolled back', async () => {
    const [host, operator] = [outputs['HostPolicyArn'] ?? '', outputs['OperatorPolicyArn'] ?? ''];
    keys = { host: await makeUser(emulator, 'host', host), operator: await makeUser(emulator, 'operator', operator) };
    shim = await PlacedShim.start(emulator, { endpoint: endpoint(), host: HOST, keys: keys.host });
    poolId = String((await shim.call('RequestPool', POOL)).json['PoolID']);
    const code = ['lambda', 'list-functions', '--query', 'Functions[].CodeSha256'];
    const then = await emulator.aws(code);
    assert.match(await address(), /"Address"/);
    await current.does(DEPLOY, { more: PARAMETERS });
    assert.notDeepEqual(await emulator.aws(code), then);
    assert.match(await address(), /"Address"/);
    await old.does(DEPLOY, { more: PARAMETERS });
    assert.deepEqual(await emulator.aws(code), then);
    assert.match(await address(), /"Address"/);
    await current.does(DEPLOY, { more: PARAMETERS });
    assert.match(await address(), /"Address"/);
    assert.deepEqual(await outputsOf(emulator, 'berth-prod'), outputs);
  });

  it('lets hosts and operators call only what their policies name, and other callers nothing', async () => {
    assert.equal((await show(keys.operator)).code, 0);
    assert.match((await show(keys.host)).stderr, /answered HTTP 403/);
    assert.equal((await emulator.post(endpoint(), '/IpamDriver.RequestPool')).status, 403);
    const asHost = await PlacedShim.start(emulator, { endpoint: endpoint(), host: 'operator', keys: keys.operator });
    const { json } = await asHost.call('RequestPool', POOL);
    assert.match(String(json['Error']), /403|not registered|registered/);
    await asHost.stop();
  });

  it('refuses networks where the role of pools may not put an item', async () => {
    const { code } = await deployWithout('infra/roles.yml', /dynamodb:PutItem, /);
    assert.equal(code, 0);
    assert.match(await ask('RequestPool', POOL), /Berth failed to answer/);
    assert.match(await address(), /"Address"/);
  });

  it('refuses networks where the policy of hosts has no route for them', async () => {
    const { code } = await deployWithout('infra/front/http-api.yml', /^ +- !Sub '[^']*RequestPool'\n/m);
    assert.equal(code, 0);
    assert.match(await ask('RequestPool', POOL), /answered HTTP 403/);
    assert.match(await address(), /"Address"/);
    await current.does(DEPLOY, { more: PARAMETERS });
    assert.match(await ask('RequestPool', POOL), /"PoolID"/);
  });
});
