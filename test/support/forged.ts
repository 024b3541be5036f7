/** PoolIDs as an attacker makes them: well-formed, with the check that anyone can calculate, but never issued. */
import assert from 'node:assert/strict';
import { digestText } from '../../functions/ipam/world.ts';
import { testWorld } from './world.ts';

const FIELDS = ['version', 'space', 'cidr', 'subPool', 'generation', 'ref', 'order', 'cooldown', 'driver'] as const;
type Field = (typeof FIELDS)[number];

const CHECK_WIDTH = 6;
const world = testWorld();

const withCheck = (fields: readonly string[]): string => {
  const body = fields.join(',');
  return `${body},${digestText(world, body, CHECK_WIDTH)}`;
};

export const fieldOf = (poolId: string, field: Field): string =>
  poolId.split(',')[FIELDS.indexOf(field)] ?? assert.fail(poolId);

/** An issued PoolID, altered, in the form of the first version, which has no seal. */
export const unsealed = (poolId: string, changes: Partial<Record<Field, string>> = {}): string =>
  withCheck(FIELDS.map((field) => changes[field] ?? (field === 'version' ? 'berth1' : fieldOf(poolId, field))));

/** The same, in its own form and with its own seal. */
export const altered = (poolId: string, changes: Partial<Record<Field, string>>): string =>
  withCheck(
    poolId
      .split(',')
      .slice(0, -1)
      .map((value, index) => changes[FIELDS[index] ?? 'version'] ?? value),
  );
