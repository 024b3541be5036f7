/** Who this host is to the fleet. Kept on disk, since what the host holds is bound to it. */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { isHostId, isInstanceId } from '../../protocol/ids.ts';
import { readIfThere, writeDurably } from '../files.ts';
import { UserError } from '../user-error.ts';

/**
 * The id that was given, else the one kept from earlier, else the EC2 instance's, else one derived from the machine's own.
 *
 * @throws UserError when the given id contradicts the kept one: under another id, what the host holds would be lost to
 * it. And when it is another instance's, unless that was given on this instance: then the disk was copied, and what it
 * keeps is not this host's.
 */
export function hostIdentity(
  folder: string,
  given: string | undefined,
  machineIdFile = '/etc/machine-id',
  instanceId?: string,
): string {
  const file = path.join(folder, 'host-id');
  const kept = readIfThere(file)?.trim();
  if (kept !== undefined && !isHostId(kept)) {
    throw new UserError(`${file} is damaged: ${JSON.stringify(kept.slice(0, 40))} is no host id`);
  }
  if (given !== undefined && !isHostId(given)) {
    throw new UserError(`bad host id ${JSON.stringify(given)}: letters, digits and . _ : - only, at most 128`);
  }
  if (kept !== undefined && given !== undefined && kept !== given) {
    throw new UserError(
      `the data in ${folder} belong to host ${kept}, not to ${given}: leave out --host-id, or choose another --data`,
    );
  }
  const id = kept ?? given ?? instanceId ?? derivedId(machineIdFile);
  if (instanceId !== undefined && isInstanceId(id) && id !== instanceId) {
    standIn(folder, { id, instanceId, isGiven: given !== undefined });
  }
  if (kept === undefined) writeDurably(file, `${id}\n`);
  return id;
}

/**
 * Which instance is another's host is kept beside the id: a copy of the disk is a third, and has to be told again.
 *
 * @throws UserError when nobody has said that this instance is to be the other.
 */
function standIn(folder: string, { id, instanceId, isGiven }: StandIn): void {
  const file = path.join(folder, 'adopted-by');
  if (readIfThere(file)?.trim() === instanceId) return;
  if (!isGiven) {
    throw new UserError(
      `the data in ${folder} belong to instance ${id}, and this is ${instanceId}: if it was made from an image of the ` +
        'other, remove that folder, so that this host starts anew, and leave it out of images; if it is to be that host ' +
        `from now on, tell the fleet with berth host adopt ${id} --principal ARN, and start this once with --host-id ${id}`,
    );
  }
  writeDurably(file, `${instanceId}\n`);
}

interface StandIn {
  readonly id: string;
  readonly instanceId: string;
  readonly isGiven: boolean;
}

/** The machine's id itself is confidential (machine-id(5)), so that a hash of it stands for it. */
function derivedId(machineIdFile: string): string {
  const machineId = readIfThere(machineIdFile)?.trim();
  if (machineId === undefined || machineId === '') {
    throw new UserError(`this machine has no id (${machineIdFile}): name the host with --host-id`);
  }
  return createHash('sha256').update(`berth ${machineId}`).digest('hex').slice(0, 16);
}
