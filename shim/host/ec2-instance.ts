/** Which EC2 instance this host is, if it is one. */
import { MetadataService } from '@aws-sdk/ec2-metadata-service';
import { isInstanceId } from '../../protocol/ids.ts';
import { readIfThere } from '../files.ts';

/** Who made the machine, as its firmware says: nobody else is asked for instance metadata. */
const VENDOR_FILE = '/sys/class/dmi/id/sys_vendor';
const VENDOR = 'Amazon EC2';
/** ms */
const TIMEOUT = 1_000;

/**
 * Asks the instance's metadata service (IMDSv2).
 *
 * @returns `undefined` where this is no EC2 instance, or its metadata service is switched off.
 */
export async function instanceId(vendorFile = VENDOR_FILE): Promise<string | undefined> {
  if (readIfThere(vendorFile)?.trim() !== VENDOR) return undefined;
  const service = new MetadataService({ httpOptions: { timeout: TIMEOUT } });
  try {
    // The client puts it behind the slash that its endpoint ends with.
    const id = await service.request('latest/meta-data/instance-id', {});
    return isInstanceId(id) ? id : undefined;
  } catch {
    return undefined;
  }
}
