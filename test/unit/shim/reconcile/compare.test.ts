import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compare } from '../../../../shim/reconcile/compare.ts';
import type { DockerEndpoint, DockerNetwork } from '../../../../shim/reconcile/docker-api.ts';
import type { FleetNetwork } from '../../../../shim/reconcile/fleet-records.ts';

const POOL = '10.1.0.0/24';

const endpoint = (id: string, ...addresses: string[]): DockerEndpoint => ({ id, name: id, mac: '', addresses });

const docker = (changes: Partial<DockerNetwork> & { readonly subnet?: string } = {}): DockerNetwork => ({
  id: 'n1',
  name: 'net',
  ipam: 'berth',
  isRemote: true,
  isOfSwarm: false,
  endpoints: [],
  subnets: [{ subnet: changes.subnet ?? POOL, gateway: '10.1.0.1', auxiliary: ['10.1.0.9'] }],
  ...changes,
});

const table = (changes: Partial<FleetNetwork> = {}): FleetNetwork => ({
  poolId: 'P',
  key: 'g.r',
  pool: POOL,
  state: 'live',
  isFormers: false,
  leases: [],
  others: [],
  ...changes,
});

const leases = (...addresses: string[]) => addresses.map((address) => ({ address, key: `key of ${address}` }));

const found = (of: readonly FleetNetwork[], before: readonly DockerNetwork[], after = before): string[] =>
  compare({ before, table: of, after }).map((finding) => {
    if (finding.kind === 'leaked-lease') return `${finding.kind} ${finding.lease.address}`;
    return 'endpoint' in finding ? `${finding.kind} ${finding.endpoint.address}` : finding.kind;
  });

describe('the comparison of Docker with the table', () => {
  it('finds nothing where they agree, gateways and auxiliary addresses included', () => {
    const net = docker({ endpoints: [endpoint('e', '10.1.0.2', 'fd00::2')] });
    assert.deepEqual(found([table({ leases: leases('10.1.0.1', '10.1.0.2', '10.1.0.9') })], [net]), []);
  });

  it('treats an address that is in either view of Docker as held', () => {
    const [none, one] = [docker(), docker({ endpoints: [endpoint('e', '10.1.0.2')] })];
    assert.deepEqual(found([table({ leases: leases('10.1.0.2') })], [none], [one]), []);
    assert.deepEqual(found([table({ leases: leases('10.1.0.2') })], [one], [none]), []);
    assert.deepEqual(found([table({ leases: leases('10.1.0.2') })], [none]), ['leaked-lease 10.1.0.2']);
  });

  it('treats an address as held by any network of Docker that overlaps its pool, whatever its IPAM driver', () => {
    const other = { ipam: 'default', isRemote: false, subnet: '10.1.0.0/16' };
    const net = docker({ ...other, endpoints: [endpoint('e', '10.1.0.2')] });
    assert.deepEqual(found([table({ leases: leases('10.1.0.2', '10.1.0.3') })], [net]), ['leaked-lease 10.1.0.3']);
  });

  it('treats a network as leaked only where Docker has nothing on its subnet', () => {
    assert.deepEqual(found([table()], []), ['leaked-network']);
    assert.deepEqual(found([table()], [], [docker()]), []);
    assert.deepEqual(found([table()], [docker({ isRemote: false, ipam: 'default', subnet: '10.0.0.0/8' })]), []);
    assert.deepEqual(found([table({ state: 'reviving' })], []), ['leaked-network']);
  });

  it('ignores sleeping networks, since their host has only just returned', () => {
    assert.deepEqual(found([table({ state: 'dormant', leases: leases('10.1.0.2') })], []), []);
  });

  it('reports what an earlier machine of this host holds, and treats none of it as leaked', () => {
    for (const state of ['dormant', 'live'] as const)
      assert.deepEqual(found([table({ state, isFormers: true, leases: leases('10.1.0.2') })], []), ['former-network']);
  });

  it('treats a lease as missing only where one endpoint is in both views', () => {
    const net = (id: string) => docker({ endpoints: [endpoint(id, '10.1.0.2')] });
    assert.deepEqual(found([table()], [net('e')]), ['missing-lease 10.1.0.2']);
    assert.deepEqual(found([table()], [net('e')], [net('another')]), []);
    assert.deepEqual(found([table()], [net('e')], [docker()]), []);
    assert.deepEqual(found([table()], [docker()], [net('e')]), []);
  });

  it("reports a conflict where another host holds an endpoint's address", () => {
    const others = [{ address: '10.1.0.2', holder: 'held by host b' }];
    const net = docker({ endpoints: [endpoint('e', '10.1.0.2')] });
    assert.deepEqual(found([table({ others })], [net]), ['conflict 10.1.0.2']);
  });

  it('claims nothing for a network that does not use a plugin', () => {
    const net = docker({ endpoints: [endpoint('e', '10.1.0.2')] });
    assert.deepEqual(found([table()], [{ ...net, ipam: 'default', isRemote: false }]), []);
  });

  describe('for two networks of this host on one subnet', () => {
    const both = (changes: Partial<FleetNetwork> = {}) => [
      table(changes),
      table({ key: 'g.s', others: changes.others ?? [] }),
    ];
    const nets = (...endpoints: readonly DockerEndpoint[]) => [
      docker({ endpoints }),
      docker({ id: 'n2', name: 'twin' }),
    ];

    it('finds nothing where either network holds what the endpoints have', () => {
      const held = [table({ leases: leases('10.1.0.2') }), table({ key: 'g.s', leases: leases('10.1.0.3') })];
      assert.deepEqual(found(held, nets(endpoint('e', '10.1.0.3'), endpoint('f', '10.1.0.2'))), []);
    });

    it("reports a conflict where another host holds an endpoint's address", () => {
      const others = [{ address: '10.1.0.2', holder: 'held by host b' }];
      assert.deepEqual(found(both({ others }), nets(endpoint('e', '10.1.0.2'))), ['conflict 10.1.0.2']);
    });

    it('reports a conflict where two endpoints have an address that is leased once', () => {
      const twins = [
        docker({ endpoints: [endpoint('e', '10.1.0.2')] }),
        docker({ id: 'n2', endpoints: [endpoint('f', '10.1.0.2')] }),
      ];
      const conflicts = ['conflict 10.1.0.2', 'conflict 10.1.0.2'];
      assert.deepEqual(found(both({ leases: leases('10.1.0.2') }), twins), conflicts);
      assert.deepEqual(found(both(), twins), conflicts);
    });

    it('finds nothing where two endpoints have the same address in two spaces', () => {
      const twins = [
        docker({ endpoints: [endpoint('e', '10.1.0.2')] }),
        docker({ id: 'n2', endpoints: [endpoint('f', '10.1.0.2')] }),
      ];
      const held = [table({ leases: leases('10.1.0.2') }), table({ key: 'h.s', leases: leases('10.1.0.2') })];
      assert.deepEqual(found(held, twins), []);
    });

    it('reports an address that neither network holds, and claims it for neither', () => {
      assert.deepEqual(found(both(), nets(endpoint('e', '10.1.0.2'))), ['unclear-lease 10.1.0.2']);
      assert.deepEqual(
        found(both(), nets(endpoint('e', '10.1.0.2')), nets()),
        [],
        'an endpoint that is about to come or go is not reported',
      );
    });

    it('reports that Docker has only one of them', () => {
      assert.deepEqual(found(both(), [docker()]), ['unclear-network']);
      assert.deepEqual(found(both(), [docker()], nets()), [], 'a network that is about to come is not reported');
      assert.deepEqual(
        found([table(), table({ poolId: 'Q' })], [docker()]),
        [],
        'two PoolIDs of one network are not reported',
      );
    });
  });

  it('finds a forgotten network where Docker still has it, and only where it is clear which one', () => {
    const gone = table({ state: 'gone' });
    const net = docker({ endpoints: [endpoint('e', '10.1.0.2')] });
    assert.deepEqual(found([gone], [net]), ['forgotten-network']);
    assert.deepEqual(found([{ ...gone, state: 'reviving' }], [net]), ['forgotten-network']);
    assert.deepEqual(found([gone], []), []);
    assert.deepEqual(found([gone], [net], []), []);
    assert.deepEqual(found([gone, table({ key: 'g.s', leases: leases('10.1.0.2') })], [net]), []);
  });

  it('reports a network of Docker that is not in the table, and none of other plugins', () => {
    assert.deepEqual(found([], [docker()]), ['unknown-network']);
    assert.deepEqual(found([], [docker({ ipam: 'somebody' })]), []);
    assert.deepEqual(
      found([], [docker({ isOfSwarm: true })]),
      [],
      'a network that a manager of a swarm merely knows is not reported',
    );
  });

  it('recognizes subnets and addresses in any spelling', () => {
    const v6 = { subnet: 'FD00:0::1/64', gateway: 'fd00::1', auxiliary: [] };
    const net = docker({ subnets: [v6], endpoints: [endpoint('e', 'fd00::2')] });
    assert.deepEqual(found([table({ pool: 'fd00::/64', leases: leases('fd00::2') })], [net]), []);
    assert.deepEqual(found([table({ pool: 'fd00::/64' })], [net]), ['missing-lease fd00::2']);
  });
});
