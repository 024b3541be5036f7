/** What a fleet has goes out, to people, NetBox and another fleet, and comes in from NetBox, Docker and an export. */
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { parse } from 'csv-parse/sync';
import * as v from 'valibot';
import { runBerth } from '../../support/berth-process.ts';
import { root } from '../../support/repository.ts';
import { folders, ipam, requestPool, up, useStage } from '../../support/stage.ts';

useStage();

// Files are named as in the documents, without a folder.
beforeEach(() => {
  process.chdir(path.dirname(folders.data));
});
afterEach(() => {
  process.chdir(root);
});

const berth = (...args: string[]) => runBerth([...args, '--endpoint', `unix:${folders.data}/cloud/capabilities.sock`]);

async function shown(...args: string[]): Promise<string> {
  const { code, out, err } = await berth(...args);
  assert.deepEqual([code, err], [0, ''], out);
  return out;
}

const json = async <Schema extends v.GenericSchema>(
  schema: Schema,
  ...args: string[]
): Promise<v.InferOutput<Schema>> => v.parse(v.pipe(v.string(), v.parseJson(), schema), await shown(...args));

const exported = v.looseObject({
  version: v.literal(1),
  spaces: v.array(
    v.looseObject({
      name: v.string(),
      settings: v.record(v.string(), v.unknown()),
      set: v.array(v.string()),
      pools: v.array(
        v.looseObject({
          pool: v.string(),
          holders: v.array(v.looseObject({ host: v.string(), reserves: v.array(v.string()) })),
          addresses: v.array(v.looseObject({ address: v.string(), state: v.string(), endpoint: v.string() })),
        }),
      ),
    }),
  ),
  hosts: v.optional(v.array(v.looseObject({ host: v.string() }))),
});

const write = (name: string, ...lines: readonly string[]): string => {
  writeFileSync(name, lines.join('\n'));
  return name;
};

/** A network with a gateway and two containers, one of which chose a name that a spreadsheet would take for a formula. */
async function occupy(): Promise<void> {
  const { PoolID } = await requestPool('10.1.0.0/24');
  await ipam('RequestAddress', { PoolID, Address: '', Options: { RequestAddressType: 'com.docker.network.gateway' } });
  for (const [address, mac, name] of [
    ['10.1.0.9', '02:42:0a:01:00:09', 'db'],
    ['10.1.0.20', '02:42:0a:01:00:14', '=1+1'],
  ]) {
    const options = { 'com.docker.network.endpoint.macaddress': mac, 'com.docker.network.endpoint.name': name };
    await ipam('RequestAddress', { PoolID, Address: address, Options: options });
  }
}

const table = (text: string) => v.parse(v.array(v.array(v.string())), parse(text));

describe('berth export', () => {
  it('writes all that viewers may see as one JSON document', async () => {
    await up();
    const empty = await json(exported, 'export');
    assert.deepEqual(
      empty.spaces.map(({ name, pools }) => [name, pools]),
      [['default', []]],
    );
    await occupy();
    const { spaces, hosts } = await json(exported, 'export');
    const [pool] = spaces[0]?.pools ?? [];
    assert.deepEqual([pool?.pool, pool?.holders[0]?.reserves], ['10.1.0.0/24', ['10.1.0.1']]);
    assert.deepEqual(
      pool?.addresses.map(({ address, state, endpoint }) => [address, state, endpoint]),
      [
        ['10.1.0.1', 'reserved', ''],
        ['10.1.0.9', 'leased', 'db'],
        ['10.1.0.20', 'leased', '=1+1'],
      ],
    );
    assert.deepEqual(
      hosts?.map(({ host }) => host),
      ['a'],
    );
    const one = await json(exported, 'export', '--space', 'default');
    assert.deepEqual([one.spaces[0]?.pools, one.hosts], [spaces[0]?.pools, undefined]);
  });

  it('writes tables as CSV, in which no name is a formula', async () => {
    await up();
    await occupy();
    const csv = await shown('export', '--format', 'csv', '--kind', 'addresses');
    assert.ok(csv.includes(",'=1+1,"), csv);
    const [heads, ...rows] = table(csv);
    assert.deepEqual(heads, ['space', 'pool', 'address', 'state', 'host', 'mac', 'endpoint', 'since']);
    assert.deepEqual(rows[1]?.slice(0, 7), [
      ...['default', '10.1.0.0/24', '10.1.0.9', 'leased', 'a', '02:42:0a:01:00:09', 'db'],
    ]);
    const out = 'csv';
    const said = await shown('export', '--format', 'csv', '--out', out);
    const kinds = ['spaces', 'pools', 'networks', 'addresses', 'hosts'];
    assert.equal(said, kinds.map((kind) => `wrote ${path.join(out, `${kind}.csv`)}\n`).join(''));
    assert.deepEqual(readdirSync(out).sort(), kinds.map((kind) => `${kind}.csv`).sort());
    assert.equal(readFileSync(path.join(out, 'addresses.csv'), 'utf8'), csv);
    assert.equal(statSync(path.join(out, 'hosts.csv')).mode & 0o077, 0);
    assert.equal(table(readFileSync(path.join(out, 'hosts.csv'), 'utf8'))[1]?.[0], 'a');
    assert.equal(table(readFileSync(path.join(out, 'networks.csv'), 'utf8'))[1]?.[2], 'a');
    const nothing = await shown('export', '--format', 'csv', '--kind', 'pools', '--space', 'ci');
    assert.equal(table(nothing).length, 1);
  });

  it('refuses what makes no sense, and leaves no half file', async () => {
    await up();
    const locked = write('locked', '');
    for (const [args, words, exit] of [
      [['--format', 'csv'], /^berth: csv has several tables: .*--out, or one of them with --kind/, 2],
      [['--format', 'netbox', '--kind', 'vlans'], /^berth: there is no vlans in this export; there are prefixes,/, 2],
      [['--format', 'xml'], /Allowed choices are json, csv, netbox/, 2],
      [['--kind', 'pools'], /^berth: --kind is for --format csv and netbox/, 2],
      [['--vrf', 'x'], /^berth: --vrf is for --format netbox/, 2],
      [['--space', 'no space'], /^berth: .*not a space name/, 3],
      [['--out', locked], /^berth: cannot write /, 1],
    ] as const) {
      const { code, out, err } = await berth('export', ...args);
      assert.match(err, words);
      assert.deepEqual([code, out], [exit, ''], err);
    }
  });
});

/** The columns that NetBox's export of its tables has. */
const PREFIXES =
  'Prefix,Status,Children,VRF,Utilization,Tenant,Scope,VLAN,Role,Marked Utilized,Pool,Comments,Tags,Description';
const RANGES = 'Start address,End address,Size,VRF,Status,Role,Tenant,Description';
const ADDRESSES = 'IP Address,VRF,Status,Role,Tenant,Assigned,DNS name,Description';

const prefix = (cidr: string, status: string, description: string) =>
  `${cidr},${status},0,Global,0.0,,,,,False,False,,,"${description}"`;

const netbox = (): string[] => [
  write(
    'prefixes.csv',
    PREFIXES,
    prefix('10.64.0.0/14', 'Container', 'containers'),
    prefix('10.65.0.0/16', 'Container', 'the lab'),
    prefix('10.66.0.0/16', 'Active', 'office, 2nd floor'),
    prefix('192.168.0.0/16', 'Active', 'home'),
    prefix('10.64.9.0/24', 'Deprecated', 'old'),
  ),
  write('ip-ranges.csv', RANGES, '10.65.0.10/24,10.65.0.19/24,10,Global,Active,,,DHCP'),
  write(
    'ip-addresses.csv',
    ADDRESSES,
    '10.67.1.7/24,Global,Active,,,True,printer.example,printer',
    '10.1.0.9/24,Global,Active,,,True,,db',
    '10.1.0.77/24,Global,Active,,,True,,router',
  ),
];

const plans = v.looseObject({
  version: v.literal(1),
  isDone: v.boolean(),
  plans: v.array(
    v.looseObject({
      space: v.string(),
      set: v.record(v.string(), v.unknown()),
      steps: v.array(v.looseObject({ then: v.string() })),
    }),
  ),
});

describe('berth import', () => {
  it("takes NetBox's files as the document shows it, once", async () => {
    await up();
    await occupy();
    const files = netbox();
    const plan = await shown('import', ...files, '--dry-run');
    assert.equal(plan, documented('netbox.md', 'import'));
    const asked = await berth('import', ...files);
    assert.deepEqual([asked.code, asked.out], [2, '']);
    assert.match(asked.err, /berth: cannot ask for confirmation without a terminal; add --yes to carry out the plan\n/);
    assert.deepEqual((await json(plans, 'import', ...files, '--dry-run', '--json')).plans[0]?.set, {
      range: ['fdbe:5274:6800::/48', '10.64.0.0/14'],
      exclude: ['10.65.0.10/31', '10.65.0.12/30', '10.65.0.16/30', '10.66.0.0/16', '10.67.1.7/32'],
    });
    const before = await json(exported, 'export', '--space', 'default');
    assert.deepEqual(before.spaces[0]?.set, []);
    assert.equal((await json(plans, 'import', ...files, '--yes', '--json')).isDone, true);
    const { spaces } = await json(exported, 'export');
    assert.deepEqual(spaces[0]?.settings['range'], ['fdbe:5274:6800::/48', '10.64.0.0/14']);
    const again = await json(plans, 'import', ...files, '--yes', '--json');
    assert.deepEqual([again.isDone, again.plans[0]?.set], [false, {}]);
  });

  it('takes what export writes for NetBox: the same space comes out of it, and nothing new here', async () => {
    await up();
    await occupy();
    await shown('import', ...netbox(), '--yes');
    const out = 'netbox';
    const said = await shown('export', '--format', 'netbox', '--out', out, '--vrf', 'fleet');
    assert.equal(said.split('\n').length - 1, 3);
    const all = ['prefixes', 'ip-ranges', 'ip-addresses'].map((kind) => path.join(out, `${kind}.csv`));
    const [prefixes = '', , addresses = ''] = all.map((each) => readFileSync(each, 'utf8'));
    assert.equal(
      prefixes.replaceAll(',fleet,', ',,'),
      documented('netbox.md', 'export --format netbox --kind prefixes'),
    );
    assert.equal(
      addresses.replaceAll(',fleet,', ',,'),
      documented('netbox.md', 'export --format netbox --kind ip-addresses'),
    );
    const here = await json(plans, 'import', ...all, '--yes', '--json');
    assert.deepEqual([here.isDone, here.plans[0]?.set], [false, {}]);
    const [prefixFile = ''] = all;
    await shown('import', prefixFile, '--space', 'copy', '--yes');
    const [from, to] = await Promise.all(
      ['default', 'copy'].map((space) => json(exported, 'export', '--space', space)),
    );
    assert.deepEqual(to?.spaces[0]?.settings, from?.spaces[0]?.settings);
  });

  it('takes the settings of an export, and is then done', async () => {
    await up();
    await shown('space', 'set', 'ci', '--range', '10.64.0.0/14', '--size4', '26', '--max-pools', '9');
    writeFileSync('fleet.json', await shown('export', '--space', 'ci'));
    await shown('space', 'set', 'ci', '--unset', 'size4,max-pools', '--cooldown', '1m');
    const plan = 'space ci:\n  size4     26\n  cooldown  back to its default\n  maxPools  9\n';
    assert.equal(await shown('import', 'fleet.json', '--dry-run'), plan);
    assert.equal(await shown('import', 'fleet.json', '--yes'), `${plan}\nspace ci is set\n`);
    assert.equal(await shown('import', 'fleet.json', '--yes'), 'space ci: nothing to change\n');
    const { spaces } = await json(exported, 'export', '--space', 'ci');
    assert.deepEqual(spaces[0]?.set, ['range', 'size4', 'maxPools']);
  });

  it('says where a file is wrong', async () => {
    await up();
    for (const [lines, words, exit] of [
      [['prefix,status', '10.0.0.0/8,container', '10.1/16,active'], ':3: column prefix: "10.1/16" is not a prefix', 1],
      [['prefix,status', '"10.0.0.0/8,container'], 'Quote Not Closed', 1],
      [['prefix,status', '10.0.0.0/8'], 'Invalid Record Length', 1],
      [['prefix,status', '10.0.0.0/8,'], ':2: column status: is empty or missing', 1],
      [['start_address,end_address,status', '10.0.0.9/8,10.0.0.1/8,active'], ':2: column end_address: comes before', 1],
      [['address,status', 'printer,active'], ':2: column address: "printer" is not an address', 1],
      [
        ['prefix,status,vrf', '10.0.0.0/8,active,a', '10.0.0.0/8,active,b'],
        ':3: column vrf: the file has rows of several',
        1,
      ],
      [['name,site', 'a,b'], ':1: no column prefix', 1],
      [[''], ': the file is empty', 1],
      [['{', '  "version" 1'], 'line 2 column 13', 1],
      [['{"version":2,"spaces":[]}'], ': version: Invalid type', 1],
      [['[{"Name":"a","Driver":"bridge"}]'], ': 0.IPAM: Invalid key', 1],
    ] as const) {
      const { code, out, err } = await berth('import', write('wrong', ...lines), '--dry-run');
      assert.ok(err.startsWith('berth: wrong') && err.includes(words), err);
      assert.deepEqual([code, out], [exit, ''], err);
    }
    const missing = await berth('import', 'none');
    assert.match(missing.err, /^berth: cannot read .*none: ENOENT/);
    assert.equal(missing.code, 2);
  });

  for (const version of ['28', '20.10']) {
    it(`plans the move of a host with engine ${version}, as the document shows it`, async () => {
      await up();
      copyFileSync(path.join(root, `test/fixtures/docker/network-inspect-${version}.json`), 'networks.json');
      const plan = await shown('import', 'networks.json');
      // Engine 20.10 lists IPv4 before IPv6.
      const lines = (text: string) => text.split('\n').sort();
      const document = documented('from-docker.md', 'import networks.json');
      if (version === '28') assert.equal(plan, document);
      else
        assert.deepEqual(
          lines(plan).filter((line) => !line.includes('--ipv6')),
          lines(document).filter((line) => !line.includes('--ipv6')),
        );
      assert.match(await shown('import', 'networks.json', '--space', 'ci'), /--ipam-opt berth\.space=ci/);
      await shown('space', 'set', 'ci', '--range', '10.64.0.0/11', '--given-outside', 'yes');
      await shown('import', 'networks.json', '--space', 'ci', '--yes');
      const again = await json(plans, 'import', 'networks.json', '--space', 'ci', '--yes', '--json');
      assert.deepEqual([again.isDone, again.plans[0]?.set], [false, {}]);
      assert.match(await shown('space', 'show', 'ci'), /^exclude +10\.77\.0\.0\/24$/m);
    });
  }
});

const INDENT = ' '.repeat(4);

/** What a document shows as the output of a command that begins so: the indented lines that follow it. */
function documented(document: string, command: string): string {
  const lines = readFileSync(path.join(root, 'docs', document), 'utf8').split('\n');
  const start = lines.findIndex((line) => line.startsWith(`${INDENT}$ berth ${command}`)) + 1;
  assert.ok(start > 0, command);
  const length = lines
    .slice(start)
    .findIndex((line) => line !== '' && (!line.startsWith(INDENT) || line.includes('$ ')));
  const output = lines.slice(start, start + length).map((line) => line.slice(INDENT.length));
  return `${output.join('\n').trimEnd()}\n`;
}
