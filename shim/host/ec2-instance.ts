/** Which EC2 instance this host is, if it is one. */
import { MetadataService } from '@aws-sdk/ec2-metadata-service';
import { isInstanceId } from '../../protocol/ids.ts';
import { readIfThere } from '../files.ts';

/** The firmware's vendor of the machine: only on EC2 is the metadata service asked. */
const VENDOR_FILE = '/sys/class/dmi/id/sys_vendor';
const VENDOR = 'Amazon EC2';
const METADATA_TIMEOUT_MS = 1_000;

/**
 * Asks the instance's metadata service (IMDSv2).
 *
 * @returns `undefined` where this is not an EC2 instance, or its metadata service is off.
 */
export async function instanceId(vendorFile = VENDOR_FILE): Promise<string | undefined> {
  if (readIfThere(vendorFile)?.trim() !== VENDOR) return undefined;
  const service = new MetadataService({ httpOptions: { timeout: METADATA_TIMEOUT_MS } });
  try {
    // Without a slash in front, since the client's endpoint ends with one.
    const id = await service.request('latest/meta-data/instance-id', {});
    return isInstanceId(id) ? id : undefined;
  } catch {
    return undefined;
  }
}
