/** The reconciler's corrections, sent to the functions as the calls that dockerd would make. */
import type { Driver } from '../../protocol/methods.ts';
import type { Verdict } from '../cloud/verdict.ts';
import { type Sequence, keyAfter } from '../host/sequence.ts';
import type { KeptCall } from '../journal/journal.ts';
import { FleetRecordsError } from './fleet-records.ts';
import type { Corrections } from './reconciler.ts';

export interface CorrectionsOptions {
  readonly driver: Driver;
  readonly sequence: Pick<Sequence, 'requestKey'>;
  readonly known: Corrections['known'];
  readonly sightings: Corrections['sightings'];
  readonly attempt: (call: KeptCall) => Promise<Verdict>;
}

/** Nothing is kept of a correction that fails, since the next round finds the difference again. */
export function correctionsOf({ driver, sequence, known, sightings, attempt }: CorrectionsOptions): Corrections {
  const say = async (method: KeptCall['method'], key: string, message: object): Promise<void> => {
    const verdict = await attempt({ key, driver, method, body: JSON.stringify(message) });
    const refusal = verdict.kind === 'failed' ? verdict.reason : verdict.refusal;
    if (refusal !== undefined) throw new FleetRecordsError(refusal);
  };
  return {
    known,
    sightings,
    releaseLease: (PoolID, Address, key) => say('ReleaseAddress', keyAfter(key), { PoolID, Address }),
    releaseNetwork: (PoolID) => say('ReleasePool', sequence.requestKey(), { PoolID }),
    claim: (PoolID, { address, mac, name }) =>
      say('RequestAddress', sequence.requestKey(), {
        PoolID,
        Address: address,
        // Without either it would be treated as an address that the network reserves.
        Options: {
          [mac === '' ? 'com.docker.network.endpoint.name' : 'com.docker.network.endpoint.macaddress']:
            mac === '' ? name : mac,
        },
      }),
  };
}
