/** All models, by what they are about. */
import { addresses } from './addresses.ts';
import { adoptions } from './adoptions.ts';
import { birth } from './birth.ts';
import type { Check } from './check.ts';
import { cuts } from './cuts.ts';
import { deaths } from './deaths.ts';
import { endings } from './endings.ts';
import { fences } from './fences.ts';
import { forgeries } from './forgeries.ts';
import { identity } from './identity.ts';
import { leaders } from './leaders.ts';
import { limits } from './limits.ts';
import { membership } from './membership.ts';
import { names } from './names.ts';
import { reservations } from './reservations.ts';
import { retries } from './retries.ts';
import { revivals } from './revivals.ts';
import { sweeps } from './sweeps.ts';

export const models: Readonly<Record<string, readonly Check[]>> = {
  'the birth of a pool': birth,
  'the life of a pool': membership,
  'the limit of a space': limits,
  'the name of a pool': names,
  'the addresses of a pool': addresses,
  'a call that is repeated': retries,
  'the end of a network': endings,
  'what networks keep': reservations,
  'a host that was silent': fences,
  'a host that is dead': deaths,
  'which machine is a host': identity,
  'a host that stays or is adopted': adoptions,
  'a host that was given up': revivals,
  'a generation that is forged': forgeries,
  'the leaders of a swarm': leaders,
  'the sweep': sweeps,
  'a run that is cut off': cuts,
};
