/** dockerd creates many networks without asking for an address, and its own loop over overlapping routes must still end. */
import assert from 'node:assert/strict';
import { type TestContext, describe, it } from 'node:test';
import { callPlugin } from '../../support/berth-process.ts';
import { limit } from '../../support/deadlines.ts';
import { stage } from '../../unit/shim/plugin-stage.ts';
import { grantOf } from '../../unit/shim/stand-ins.ts';

const MANY = 60;
const REFUSED = /^dockerd asked for 16 automatic pools within 5 s and used none/;

/** A plugin whose cloud has a pool for every request. */
async function docker(t: TestContext) {
  const { socket, attempts } = await stage(t);
  let granted = 0;
  const post = (method: string, body?: object) => callPlugin(socket, `IpamDriver.${method}`, body);
  const ask = () => post('GetDefaultAddressSpaces');
  const requestPool = async (V6: boolean): Promise<unknown> => {
    const answered = { yet: false };
    const answer = post('RequestPool', { AddressSpace: 'default', Pool: '', SubPool: '', Options: null, V6 });
    void answer.finally(() => (answered.yet = true));
    const before = attempts.length;
    while (!answered.yet && attempts.length === before) await new Promise((resolve) => setImmediate(resolve));
    if (!answered.yet) attempts.at(-1)?.answer(grantOf(`p${granted++}`));
    return (await answer).json['Error'];
  };
  return { ask, requestPool };
}

/** As engines of 27 and later do where no gateway is needed: macvlan on 29, macvlan and bridges that are internal on 28. */
async function createNetwork({ ask, requestPool }: Awaited<ReturnType<typeof docker>>, ...families: (4 | 6)[]) {
  await ask();
  for (const family of families) {
    await ask();
    assert.equal(await requestPool(family === 6), undefined);
  }
}

describe('networks for which dockerd asks for no address', { timeout: limit(120_000) }, () => {
  it('are created one after another, without a limit', async (t) => {
    const engine = await docker(t);
    for (let i = 0; i < MANY; i++) await createNetwork(engine, 4);
  });

  it('are created one after another with IPv6 too', async (t) => {
    const engine = await docker(t);
    for (let i = 0; i < MANY; i++) await createNetwork(engine, 4, 6);
  });

  it('are created even while its loop over overlapping routes is refused', async (t) => {
    const engine = await docker(t);
    await engine.ask();
    await engine.ask();
    let pools = 0;
    let refusal: unknown;
    for (; refusal === undefined && pools < MANY; pools++) refusal = await engine.requestPool(false);
    assert.match(String(refusal), REFUSED);
    assert.ok(pools < 20, `${pools} pools`);
    await createNetwork(engine, 4);
  });
});
