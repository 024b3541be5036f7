/** What a check of the table finds. */
import type { SlotPlace } from '../chunk.ts';
import type { Pool } from '../pool.ts';
import type { Ref } from '../ref.ts';

/** The kinds of damage, by the names that people read. */
export type Damage =
  /** One call, or one endpoint, has two addresses of a network; or two overlapping pools have leased one address. */
  | 'duplicate lease'
  | 'overlapping pools'
  /** A network whose pool or host does not exist. */
  | 'orphaned reference'
  /** A network of a dead host, long after a sweep should have ended it. */
  | 'network of a dead host'
  /** An item or a slot that Berth cannot read, or a slot outside of its pool. */
  | 'malformed item'
  | 'reservation that nobody lists'
  /** A lease of a network that has ended. */
  | 'orphaned lease'
  | 'chunk without a pool'
  | 'pool without a network'
  | 'two names for one pool'
  /** An epoch, a term or a count that is behind what it counts. */
  | 'counter off';

/** What a finding is about, as exactly as it was read: two looks agree if they saw the same. */
export type Subject =
  | { readonly of: 'slot'; readonly place: SlotPlace; readonly value: string }
  | { readonly of: 'ref'; readonly ref: Ref }
  | { readonly of: 'chunk'; readonly generation: string; readonly index: bigint }
  | { readonly of: 'pool'; readonly pool: Pool }
  /** Nothing that could be mended by a rule. */
  | { readonly of: 'text'; readonly text: string };

export interface Finding {
  readonly damage: Damage;
  /** Where it is, for people. */
  readonly where: string;
  /** What is wrong, for people. */
  readonly what: string;
  /** A sweep clears it by itself, and may not have had the time. It is damage only if it is still there hours later. */
  readonly isLeftover: boolean;
  readonly subject: Subject;
}

/** Of one thing at one time. Two looks that find the same id have seen the same. */
export const idOf = ({ damage, subject }: Finding): string => `${damage} ${subjectId(subject)}`;

function subjectId(subject: Subject): string {
  switch (subject.of) {
    case 'slot': {
      const { place, value } = subject;
      return `${place.generation} ${place.chunk}.${place.slot} ${value}`;
    }
    case 'ref': {
      const { generation, name, state, epoch } = subject.ref;
      return `${generation} ${name} ${state} ${epoch}`;
    }
    case 'chunk':
      return `${subject.generation} ${subject.index}`;
    case 'pool':
      return `${subject.pool.generation} ${subject.pool.rev}`;
    case 'text':
      return subject.text;
  }
}
