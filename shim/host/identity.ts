/** The id of this host in the fleet. It is kept on disk, since the host's leases are bound to it. */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { isHostId, isInstanceId } from '../../protocol/ids.ts';
import { readIfThere, writeDurably } from '../files.ts';
import { UsageError, UserError } from '../user-error.ts';

/**
 * The given id; otherwise the one kept from earlier, the EC2 instance's, or one derived from the machine's id, in this
 * order.
 *
 * @throws UserError when the given id differs from the kept one: under another id, the host would lose its leases. Also
 * when the id is that of another instance and was not given explicitly: then the disk was copied, and its data are not
 * this host's.
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
    throw new UserError(`${file} is damaged: ${JSON.stringify(kept.slice(0, 40))} is not a host id`);
  }
  if (given !== undefined && !isHostId(given)) {
    throw new UsageError(`bad host id ${JSON.stringify(given)}: letters, digits and . _ : - only, at most 128`);
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
 * Lets this instance be the host of another instance's id. The folder keeps which instance this is, so that a copy of the
 * disk on a third instance is refused.
 *
 * @throws UserError when no operator has given that id on this instance.
 */
function standIn(folder: string, { id, instanceId, isGiven }: StandIn): void {
  const file = path.join(folder, 'adopted-by');
  if (readIfThere(file)?.trim() === instanceId) return;
  if (!isGiven) {
    throw new UserError(
      `the data in ${folder} belong to instance ${id}, and this is ${instanceId}. If this instance was made from an image ` +
        'of the other one, remove that folder, so that this host starts empty, and leave the folder out of images. If this ' +
        `instance replaces the other one, run berth host adopt ${id} --principal ARN, and start Berth here once with ` +
        `--host-id ${id}`,
    );
  }
  writeDurably(file, `${instanceId}\n`);
}

interface StandIn {
  readonly id: string;
  readonly instanceId: string;
  readonly isGiven: boolean;
}

/** A hash of the machine's id, since the id itself is confidential (machine-id(5)). */
function derivedId(machineIdFile: string): string {
  const machineId = readIfThere(machineIdFile)?.trim();
  if (machineId === undefined || machineId === '') {
    throw new UserError(`this machine has no id (${machineIdFile}); name the host with --host-id`);
  }
  return createHash('sha256').update(`berth ${machineId}`).digest('hex').slice(0, 16);
}
