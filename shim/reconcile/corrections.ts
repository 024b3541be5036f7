/** What the reconciler puts right, said to the functions as dockerd would say it. */
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

/** What fails is found again by the next round, so that nothing of it need be kept. */
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
        // Without either it would be taken for an address that its network keeps from endpoints.
        Options: {
          [mac === '' ? 'com.docker.network.endpoint.name' : 'com.docker.network.endpoint.macaddress']:
            mac === '' ? name : mac,
        },
      }),
  };
}
