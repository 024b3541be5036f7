/**
 * Seals: a keyed hash of a text, which only a reader of the table's key can make. The first function that needs the key
 * makes it. It stays as long as the table does, and never leaves this file.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { SEAL_WIDTH, type Store } from '../ipam/store.ts';
import { decodeSecret } from './items.ts';
import { sealKey } from './keys.ts';
import type { Table } from './table.ts';

export function seals(table: Table, freshId: () => string): Pick<Store, 'seal' | 'isSeal'> {
  let held: string | undefined;

  async function secret(): Promise<string> {
    held ??= await readOrMake(table, freshId);
    return held;
  }

  const seal = async (text: string): Promise<string> => {
    const hash = createHmac('sha256', await secret())
      .update(text)
      .digest('hex');
    return (BigInt(`0x${hash}`) % 36n ** BigInt(SEAL_WIDTH)).toString(36).padStart(SEAL_WIDTH, '0');
  };

  const isSeal = async (text: string, given: string): Promise<boolean> => {
    const [right, other] = [Buffer.from(await seal(text)), Buffer.from(given)];
    return right.length === other.length && timingSafeEqual(right, other);
  };

  return { seal, isSeal };
}

/** If several functions make the key at once, all use the one that was stored first. */
async function readOrMake(table: Table, freshId: () => string): Promise<string> {
  const item = await table.get(sealKey);
  if (item !== undefined) return decodeSecret(item);
  const fresh = freshId() + freshId() + freshId() + freshId();
  const result = await table.update(sealKey, () => ({
    UpdateExpression: 'SET secret = :secret',
    ConditionExpression: 'attribute_not_exists(pk)',
    ExpressionAttributeValues: { ':secret': { S: fresh } },
  }));
  return result.done ? fresh : decodeSecret(result.standing);
}
