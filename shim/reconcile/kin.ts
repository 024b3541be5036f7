/** Which Docker this shim serves: the one that was seen with a network of this host. */
import path from 'node:path';
import { readIfThere, writeDurably } from '../files.ts';
import type { Hands } from './reconciler.ts';

export function kinOf(folder: string): Hands['kin'] {
  const file = path.join(folder, 'docker-id');
  let known = readIfThere(file)?.trim();
  return {
    meet(id) {
      if (id === known) return;
      writeDurably(file, `${id}\n`);
      known = id;
    },
    knows: (id) => id === known,
  };
}
