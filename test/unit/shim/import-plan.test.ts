/** What an import changes in a space: it takes nothing away, covers no pool, and has nothing to do a second time. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Cidr, cidrRange, parseCidr } from '../../../protocol/address.ts';
import { dockerMove } from '../../../shim/commands/import-docker.ts';
import { type Wish, addressKeyOf, planOf } from '../../../shim/commands/import-plan.ts';

const cidr = (text: string): Cidr => {
  const parsed = parseCidr(text);
  assert.ok(parsed !== undefined);
  return parsed;
};

const wish = (kind: Wish['kind'], text: string): Wish => ({
  kind,
  what: text,
  range: cidrRange(cidr(text)),
  from: 'f:2',
  note: '',
});

interface Space {
  readonly ranges?: readonly string[];
  readonly excluded?: readonly string[];
  readonly pools?: readonly string[];
  readonly held?: readonly string[];
}

function plan(wishes: readonly Wish[], { ranges, excluded = [], pools = [], held = [] }: Space) {
  const Settings = {
    ...{ Ranges: [...(ranges ?? ['10.192.0.0/10', 'fd00::/48'])], Excluded: [...excluded], Size4: 24, Size6: 64 },
    ...{ Cooldown: 1, ForgetAfter: 1, MaxPools: null, MaxNetworksPerHost: null },
  };
  const space = {
    ...{ Space: 'ci', Rev: '', Settings, Set: ranges === undefined ? [] : ['Ranges'] },
    Held: { Pools4: 0, Pools6: 0, IsAll: true },
  };
  const { set, steps } = planOf(wishes, { space, pools: pools.map(cidr), held: new Set(held.map(addressKeyOf)) });
  return { set, then: steps.map(({ then }) => then) };
}

describe('the plan of an import', () => {
  for (const [what, wishes, space, set] of [
    [
      'replaces the default range of a family by containers, and takes the outermost',
      [wish('range', '10.1.0.0/16'), wish('range', '10.0.0.0/8')],
      {},
      { Ranges: ['fd00::/48', '10.0.0.0/8'] },
    ],
    [
      "adds containers to an operator's ranges",
      [wish('range', '10.1.0.0/16'), wish('range', '10.9.1.0/24')],
      { ranges: ['10.9.0.0/16'] },
      { Ranges: ['10.9.0.0/16', '10.1.0.0/16'] },
    ],
    [
      'lets a container take the place of the ranges within it',
      [wish('range', '10.8.0.0/15')],
      { ranges: ['10.9.0.0/16'] },
      { Ranges: ['10.8.0.0/15'] },
    ],
    ['has nothing to do for a range that is there', [wish('range', '10.9.0.0/16')], { ranges: ['10.9.0.0/16'] }, {}],
    [
      'excludes what no pool has, around the pools in it',
      [wish('exclusion', '10.192.0.0/22')],
      { pools: ['10.192.1.0/24'] },
      { Excluded: ['10.192.0.0/24', '10.192.2.0/23'] },
    ],
    [
      'has nothing to exclude where all is excluded or a pool',
      [wish('exclusion', '10.192.0.0/23')],
      { pools: ['10.192.1.0/24'], excluded: ['10.192.0.0/24'] },
      {},
    ],
    ['excludes nothing outside of the ranges', [wish('exclusion', '10.1.0.0/16')], {}, {}],
    [
      'looks at the ranges that the file brings',
      [wish('exclusion', '10.1.0.0/16'), wish('range', '10.0.0.0/8')],
      {},
      { Ranges: ['fd00::/48', '10.0.0.0/8'], Excluded: ['10.1.0.0/16'] },
    ],
    [
      'keeps each exclusion, and joins the new ones that touch',
      [wish('address', '10.193.0.2/32'), wish('address', '10.193.0.3/32')],
      { excluded: ['10.200.0.0/16'] },
      { Excluded: ['10.200.0.0/16', '10.193.0.2/31'] },
    ],
    ['excludes no address of a pool', [wish('address', '10.193.0.2/32')], { pools: ['10.193.0.0/24'] }, {}],
    ['has nothing to do for what is deprecated', [wish('past', '10.193.0.0/16')], {}, {}],
  ] as const) {
    it(what, () => {
      assert.deepEqual(plan(wishes, space).set, set);
    });
  }

  it('leaves an address of a pool to the operator, unless Berth knows that it is held', () => {
    const pools = ['10.193.0.0/24'];
    const { then } = plan([wish('address', '10.193.0.2/32'), wish('address', '10.193.0.3/32')], {
      pools,
      held: ['10.193.0.3'],
    });
    assert.deepEqual(then, [
      'left to you: pool 10.193.0.0/24 may give it out (--aux-address keeps it)',
      'nothing to do: Berth knows that it is held',
    ]);
  });
});

describe('what a plan says of a part of a pool', () => {
  it('is that it is left to the operator, since the pool may give it out', () => {
    const pools = ['10.193.0.0/24'];
    const { then, set } = plan([wish('exclusion', '10.193.0.64/26'), wish('exclusion', '10.193.0.0/24')], { pools });
    assert.deepEqual(then, [
      'left to you: pool 10.193.0.0/24 may give it out (berth.reserve keeps it)',
      'nothing to do: in a pool of Berth',
    ]);
    assert.deepEqual(set, {});
  });
});

describe('the move of a network', () => {
  const network = { Name: 'n', Driver: 'bridge', IPAM: { Driver: 'default', Config: [{ Subnet: '10.7.0.0/24' }] } };
  const move = (...networks: readonly object[]) => dockerMove('f', networks, 'default');

  it('gives a shell each name and label as one word', () => {
    const Labels = { a: `x'; rm -rf "$HOME" \`id\`` };
    const { commands } = move({ ...network, Labels, Containers: { 1: { Name: '$(id)', IPv4Address: '10.7.0.2/24' } } });
    assert.deepEqual(commands, [
      "docker network disconnect n '$(id)'",
      'docker network rm n',
      `docker network create --ipam-driver berth --driver bridge --subnet 10.7.0.0/24 --label 'a=x'\\''; rm -rf "$HOME" \`id\`' n`,
      "docker network connect --ip 10.7.0.2 n '$(id)'",
    ]);
  });

  it('leaves alone what is not a network of its own with subnets from Docker', () => {
    const names = [
      { ...network, Name: 'bridge' },
      { ...network, Name: 's', Scope: 'swarm' },
      { ...network, Name: 'c', ConfigOnly: true },
      { ...network, Name: 'f', ConfigFrom: { Network: 'c' } },
      { ...network, Name: 'o', IPAM: { Driver: 'other', Config: network.IPAM.Config } },
      { ...network, Name: 'b', IPAM: { Driver: 'berth', Config: network.IPAM.Config } },
      { ...network, Name: 'h', Driver: 'host', IPAM: { Driver: 'default', Config: null } },
    ];
    const { kept, commands } = move(...names);
    assert.deepEqual(
      kept.map((each) => each.network),
      names.map(({ Name }) => Name),
    );
    assert.deepEqual(commands, []);
  });

  it('takes the other plugin for ipvlan, and repeats no flag as an option', () => {
    const Options = { 'com.docker.network.enable_ipv4': 'true', parent: 'eth0' };
    const [, create] = move({ ...network, Driver: 'ipvlan', EnableIPv4: false, EnableIPv6: true, Options }).commands;
    assert.equal(
      create,
      'docker network create --ipam-driver berth-ipvlan --driver ipvlan --ipv4=false --ipv6 --subnet 10.7.0.0/24 --opt parent=eth0 n',
    );
  });
});
