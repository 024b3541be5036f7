/** The input of `docker plugin create`; test/system/engine/managed-plugin.test.ts runs it on engines. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import * as v from 'valibot';
import { packagePlugin } from '../../../infra/host/plugin.ts';
import { limit } from '../../support/deadlines.ts';

const Setting = v.object({
  name: v.string(),
  value: v.optional(v.string()),
  source: v.optional(v.string()),
  settable: v.array(v.string()),
});
const Config = v.object({
  interface: v.object({ types: v.array(v.string()), socket: v.string() }),
  entrypoint: v.array(v.string()),
  network: v.object({ type: v.string() }),
  env: v.array(Setting),
  mounts: v.array(Setting),
});

for (const driver of ['berth', 'berth-ipvlan']) {
  describe(`the managed plugin ${driver}`, { timeout: limit(60_000) }, () => {
    let folder: string;
    let config: v.InferOutput<typeof Config>;

    before(async () => {
      folder = mkdtempSync(path.join(os.tmpdir(), 'berth-plugin-'));
      await packagePlugin(folder, driver);
      config = v.parse(Config, JSON.parse(readFileSync(path.join(folder, 'config.json'), 'utf8')));
    });

    after(() => {
      rmSync(folder, { recursive: true, force: true });
    });

    const settable = (settings: readonly v.InferOutput<typeof Setting>[], field: string): string[] =>
      settings.filter((setting) => setting.settable.includes(field)).map(({ name }) => name);

    it('is an IPAM driver on the only socket that its program opens', () => {
      assert.deepEqual(config.interface, { types: ['docker.ipamdriver/1.0'], socket: `${driver}.sock` });
      const drivers = config.env.find(({ name }) => name === 'BERTH_DRIVERS');
      assert.deepEqual(drivers, { name: 'BERTH_DRIVERS', value: driver, settable: [] });
    });

    it('has settings for the host id, the endpoint and the credentials', () => {
      const names = settable(config.env, 'value');
      for (const name of ['BERTH_ENDPOINT', 'BERTH_HOST_ID', 'BERTH_SPACE', 'BERTH_REGION', 'AWS_ACCESS_KEY_ID']) {
        assert.ok(names.includes(name), name);
      }
    });

    it("gets the host's network, a folder for its state and Docker's socket, wherever those are", () => {
      assert.equal(config.network.type, 'host');
      assert.deepEqual(
        config.mounts.map(({ name, source }) => [name, source]),
        [
          ['data', '/var/lib/berth'],
          ['docker', '/run/docker.sock'],
          ['machine-id', '/etc/machine-id'],
        ],
      );
      assert.deepEqual(settable(config.mounts, 'source'), ['data', 'docker', 'machine-id']);
    });

    it('contains the programs that it starts, and all their libraries', () => {
      const rootfs = path.join(folder, 'rootfs');
      const [node = '', program = ''] = config.entrypoint;
      for (const file of [node, program]) accessSync(path.join(rootfs, file), constants.X_OK);
      const libraries = execFileSync('ldd', [process.execPath], { encoding: 'utf8' }).match(/\/\S+/g) ?? [];
      assert.ok(libraries.length > 0);
      assert.deepEqual(
        libraries.filter((library) => !existsSync(path.join(rootfs, library))),
        [],
      );
    });
  });
}
