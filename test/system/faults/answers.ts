/** Checks that dockerd can use an answer, and that a person can use an error. */
import * as v from 'valibot';
import type { RawAnswer } from '../../support/docker-connection.ts';
import { type Method } from '../../../protocol/methods.ts';

const cidr = v.pipe(v.string(), v.regex(/^[0-9a-f.:]+\/\d{1,3}$/, 'not a CIDR'));
const data = v.optional(v.nullable(v.record(v.string(), v.string())));
/** An empty string means no error. */
const noError = v.optional(v.literal(''));

const granted = {
  RequestPool: v.object({ PoolID: v.pipe(v.string(), v.nonEmpty()), Pool: cidr, Data: data, Error: noError }),
  RequestAddress: v.object({ Address: cidr, Data: data, Error: noError }),
  ReleasePool: v.object({ Error: noError }),
  ReleaseAddress: v.object({ Error: noError }),
};

/** One line for the user of the docker command, without internals of the program. */
const clearText = v.pipe(
  v.string(),
  v.nonEmpty(),
  v.maxLength(600),

  v.regex(/^[^\u0000-\u001f\u007f-\u009f]*$/, 'not one line'),
  v.check((text) => !/\bat .*:\d+:\d+|\[object |undefined|NaN/.test(text), 'not written for people'),
);
const refused = v.object({ Error: clearText });

export interface Answer {
  readonly error: string | undefined;
  readonly poolId: string;
  readonly pool: string;
  /** With its prefix length. */
  readonly address: string;
}

const object = v.pipe(
  v.string(),
  v.parseJson(),
  v.check((value) => !Array.isArray(value), 'a list is not an object'),
  v.looseObject({ Error: v.optional(v.string(), '') }),
);

const fields = v.object({
  PoolID: v.optional(v.string(), ''),
  Pool: v.optional(v.string(), ''),
  Address: v.optional(v.string(), ''),
});

/** @throws Error when dockerd cannot use the answer, or a person cannot use the error. */
export function readAnswer(method: Method, { status, body }: RawAnswer): Answer {
  try {
    if (status !== 200) throw new Error(`HTTP ${status}`);
    const parsed = v.parse(object, body);
    const isRefusal = parsed.Error !== '';
    v.parse(isRefusal ? refused : granted[method], parsed);
    const { PoolID: poolId, Pool: pool, Address: address } = v.parse(fields, isRefusal ? {} : parsed);
    return { error: isRefusal ? parsed.Error : undefined, poolId, pool, address };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`${method}: ${why}: ${body.slice(0, 300)}`, { cause: error });
  }
}
