import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, describe, it } from 'node:test';
import { isNameless, machinePrint } from '../../../shim/host/machine.ts';
import { temporaryFolder } from './temporary.ts';

const UUID = '4c4c4544-0051-3610-8052-b4c04f4e4d32';

interface Hardware {
  readonly uuid?: string;
  /** By name; `isCard`: a device stands behind it. */
  readonly cards?: Readonly<Record<string, { readonly mac: string; readonly isCard?: boolean }>>;
}

/** A kernel's view of the given hardware. */
async function sysfs(t: TestContext, { uuid, cards = {} }: Hardware): Promise<string> {
  const folder = await temporaryFolder(t);
  if (uuid !== undefined) {
    mkdirSync(path.join(folder, 'class/dmi/id'), { recursive: true });
    writeFileSync(path.join(folder, 'class/dmi/id/product_uuid'), `${uuid}\n`);
  }
  for (const [name, { mac, isCard = true }] of Object.entries(cards)) {
    const card = path.join(folder, 'class/net', name);
    mkdirSync(isCard ? path.join(card, 'device/driver') : card, { recursive: true });
    writeFileSync(path.join(card, 'address'), `${mac}\n`);
  }
  return folder;
}

describe('the description of a machine', () => {
  it('holds hashes of the UUID of its firmware and of its network cards, which are stable', async (t) => {
    const sys = await sysfs(t, { uuid: UUID.toUpperCase(), cards: { eth0: { mac: 'B0:7B:25:00:00:01' } } });
    const print = machinePrint(undefined, undefined, sys);
    assert.deepEqual(Object.keys(print), ['Product', 'Macs']);
    for (const hash of [print.Product, ...(print.Macs ?? [])]) assert.match(hash ?? '', /^[0-9a-f]{32}$/);
    assert.deepEqual(machinePrint(undefined, undefined, sys), print);
    const lower = await sysfs(t, { uuid: UUID, cards: { eth0: { mac: 'b0:7b:25:00:00:01' } } });
    assert.deepEqual(machinePrint(undefined, undefined, lower), print, 'in upper or lower case');
  });

  it('differs where the hardware does', async (t) => {
    const [one, other] = [await sysfs(t, { uuid: UUID }), await sysfs(t, { uuid: UUID.replace('4c4c', '4c4d') })];
    assert.notDeepEqual(machinePrint(undefined, undefined, one), machinePrint(undefined, undefined, other));
  });

  it('holds its name and its instance id, where it has them', async (t) => {
    const sys = await sysfs(t, {});
    const print = machinePrint('rack-7', 'i-0123456789abcdef0', sys);
    assert.deepEqual(Object.keys(print), ['Given', 'Instance']);
    assert.equal(JSON.stringify(print).includes('rack-7'), false);
  });

  it('leaves out what is not unique: placeholders, bridges, addresses that no vendor assigned', async (t) => {
    for (const uuid of [
      '00000000-0000-0000-0000-000000000000',
      '03000200-0400-0500-0006-000700080009',
      'Not Settable',
    ]) {
      const cards = {
        docker0: { mac: 'b0:7b:25:00:00:02', isCard: false },
        veth0: { mac: '02:42:0a:00:00:01' },
        lo: { mac: '00:00:00:00:00:00' },
      };
      const print = machinePrint(undefined, undefined, await sysfs(t, { uuid, cards }));
      assert.ok(isNameless(print), JSON.stringify(print));
    }
  });

  it('is empty where the system shows nothing', async (t) => {
    assert.ok(isNameless(machinePrint(undefined, undefined, path.join(await temporaryFolder(t), 'none'))));
  });
});
