/** What the functions read in messages beyond their form: opaque positions, and lists in headers. */
import * as v from 'valibot';
import { type Range, cidrRange, parseAddress, parseCidr } from '../../protocol/address.ts';
import { requestKey } from '../../protocol/fields.ts';
import type { HostHealth, registerMessage } from '../../protocol/host-messages.ts';
import type { HostHealth as Health } from '../ipam/host.ts';
import type { MachinePrint } from '../ipam/machine.ts';
import { isGeneration } from '../ipam/pool.ts';
import { isRefName } from '../ipam/ref.ts';

/** Where a list of networks continues. Only the functions, which issue it, look into it. */
export const networksPosition = v.nullable(
  v.object({
    generation: v.pipe(v.string(), v.check(isGeneration, 'not a generation')),
    name: v.pipe(v.string(), v.check(isRefName, 'not a name')),
    requestKey,
  }),
);

export function machinePrintOf({
  Given: given,
  Instance: instance,
  Product: product,
  Macs: macs,
}: v.InferOutput<typeof registerMessage>['Machine']): MachinePrint {
  return {
    ...(given !== undefined && { given }),
    ...(instance !== undefined && { instance }),
    ...(product !== undefined && { product }),
    ...(macs !== undefined && { macs }),
  };
}

export const healthOf = ({ Status, Reason, Waiting, ComparedAt, ...told }: HostHealth): Health => ({
  status: Status,
  reason: Reason,
  waiting: Waiting,
  deadLetters: told.DeadLetters,
  findings: told.Findings,
  comparedAt: ComparedAt === null ? undefined : Date.parse(ComparedAt),
  refused: told.Refused,
  lastRefusal: told.LastRefusal,
});

/** Comma separated. What cannot be read is ignored, since the list only helps to choose well. */
export function parseList<T>(text: string, parse: (part: string) => T | undefined): T[] {
  return text.split(',').flatMap((part) => {
    const parsed = parse(part.trim());
    return parsed === undefined ? [] : [parsed];
  });
}

export function parseRoute(part: string): Range | undefined {
  const cidr = parseCidr(part);
  return cidr && cidrRange(cidr);
}

export function parseNameserver(part: string): Range | undefined {
  const address = parseAddress(part);
  return address && { family: address.family, first: address.value, last: address.value };
}
