/**
 * What the answer to an attempt means. It is either a function's answer or a failure, with the reason in words for the
 * person who ran the docker command, and with whether the request may have been carried out all the same.
 */
import * as v from 'valibot';
import { requestAddressAnswer, requestPoolAnswer } from '../../protocol/docker-messages.ts';
import type { Method } from '../../protocol/methods.ts';
import type { Endpoint } from '../endpoint.ts';
import { messageOf } from '../error-message.ts';
import { type Answer, TransportError } from './transport.ts';

export type Verdict = Answered | Failed;

export interface Answered {
  readonly kind: 'answered';
  /** The function's JSON, passed to dockerd unchanged. */
  readonly text: string;
  /** Why the function refused. `undefined`: it granted the request. */
  readonly refusal: string | undefined;
  /** The kind of refusal, where the function names one. */
  readonly code?: string | undefined;
  /** The PoolID, or the address without its prefix length, that was granted. */
  readonly granted: string | undefined;
}

export interface Failed {
  readonly kind: 'failed';
  readonly reason: string;
  /** The request may have been carried out, or may still be. */
  readonly isOpen: boolean;
  /**
   * What may help. `repeat`: the same request again. `renew`: a repeat with a new handshake and new credentials.
   * `register`: a repeat after this host has registered again. `none`: nothing that the shim can do.
   */
  readonly remedy: 'repeat' | 'renew' | 'register' | 'none';
  /** The `date` header of the answer that refused our signature, if it has one. */
  readonly date?: string | undefined;
}

/** The calls of dockerd, and two messages of the shim's own. The caller of an `own` message checks the answer's contents. */
export type Question = Method | 'Settle' | 'own';

/**
 * A function answers a release with an empty object. One that is not empty comes from something else, unless it is marked
 * as ours: a newer function may add fields.
 */
const nothing = v.pipe(
  v.strictObject({ Error: v.literal('') }),
  v.transform(() => undefined),
);

const granted = {
  ReleasePool: nothing,
  ReleaseAddress: nothing,
  Settle: nothing,
  own: v.pipe(
    v.unknown(),
    v.transform(() => undefined),
  ),
  RequestPool: v.pipe(
    requestPoolAnswer,
    v.transform(({ PoolID }) => PoolID),
  ),
  RequestAddress: v.pipe(
    requestAddressAnswer,
    v.transform(({ Address }) => Address.slice(0, Address.indexOf('/'))),
  ),
};

const object = v.pipe(
  v.string(),
  v.parseJson(),
  v.check((value) => !Array.isArray(value)),
  v.looseObject({ Error: v.optional(v.string(), '') }),
);

export function judgeAnswer(question: Question, endpoint: Endpoint, answer: Answer): Verdict {
  const parsed = v.safeParse(object, answer.body);
  if (!parsed.success) return judgeStranger(endpoint, answer);
  if (answer.status !== 200) return judgeFault(endpoint, answer, parsed.output.Error);
  const { body: text, headers } = answer;
  const { Error: refusal } = parsed.output;
  if (refusal !== '') {
    // Other callers changed the same items first: a repeat may succeed.
    if (headers['berth-refusal'] === 'busy') return failed(refusal, false, 'repeat');
    // The host was silent for too long or has never registered, and registering again helps.
    if (headers['berth-refusal'] === 'host-fenced' || headers['berth-refusal'] === 'host-unknown') {
      return failed(refusal, false, 'register');
    }
    const code = headers['berth-refusal'];
    // It succeeds once the functions are upgraded, so a release must not be given up because of it.
    if (code === 'newer-format') return failed(refusal, false, 'none');
    return { kind: 'answered', text, refusal, code: typeof code === 'string' ? code : undefined, granted: undefined };
  }
  const told = isConfirmation(question) && isOurs(answer) ? { Error: '' } : parsed.output;
  const grant = v.safeParse(granted[question], told);
  if (!grant.success) return judgeStranger(endpoint, answer);
  return { kind: 'answered', text, refusal: undefined, granted: grant.output };
}

const isConfirmation = (question: Question): boolean => question !== 'own' && !question.startsWith('Request');

/** The functions set this content type (functions/lambda/handler.ts). */
const isOurs = ({ headers }: Answer): boolean =>
  String(headers['content-type']).startsWith('application/vnd.docker.plugins.');

const failed = (reason: string, isOpen: boolean, remedy: Failed['remedy']): Failed => ({
  kind: 'failed',
  reason,
  isOpen,
  remedy,
});

/** A JSON object with a status other than 200, from one of our functions or from AWS in front of it. */
function judgeFault(endpoint: Endpoint, answer: Answer, error: string): Failed {
  const { status } = answer;
  if (status === 403) return judgeForbidden(endpoint, answer);
  if (status === 429) {
    const remedy = "raise the functions' reserved concurrency or the account's quota";
    return failed(`AWS throttles Berth's functions at ${endpoint.text} (HTTP 429): ${remedy}`, false, 'repeat');
  }
  if (status === 404) {
    const remedy = 'check that --endpoint is the capabilities function of this version of Berth';
    return failed(`${told(endpoint, answer)}; ${remedy}`, false, 'renew');
  }
  if (status >= 500) return failed(error === '' ? told(endpoint, answer) : error, true, 'repeat');
  return failed(told(endpoint, answer), false, 'none');
}

/** AWS refuses a signature before anything runs. */
function judgeForbidden(endpoint: Endpoint, answer: Answer): Failed {
  const remedy =
    "check this host's clock, its AWS credentials, and that its policy allows lambda:InvokeFunctionUrl and " +
    'lambda:InvokeFunction (or execute-api:Invoke) on this function';
  const { date } = answer.headers;
  return {
    ...failed(`${told(endpoint, answer)}; ${remedy}`, false, 'renew'),
    date: typeof date === 'string' ? date : undefined,
  };
}

/** An answer that is not from one of our functions: the status alone says whether the request may have been carried out. */
function judgeStranger(endpoint: Endpoint, answer: Answer): Failed {
  const { status, headers, body } = answer;
  const type = headers['content-type'];
  // A gateway also answers with a page when the function behind it timed out.
  const isOpen = status === 200 || status >= 500;
  const isPage = /^\s*</.test(body) || (typeof type === 'string' && type.startsWith('text/html'));
  if (isPage || (status >= 300 && status < 400)) {
    const remedy = 'check whether a captive portal or a proxy stands between this host and AWS';
    return failed(`${told(endpoint, answer)}, which is a web page and not from Berth; ${remedy}`, isOpen, 'repeat');
  }
  return failed(told(endpoint, answer), isOpen, status === 403 ? 'renew' : 'repeat');
}

const told = (endpoint: Endpoint, { status, body }: Answer): string =>
  `Berth's functions at ${endpoint.text} answered HTTP ${status}: ${excerpt(body)}`;

const MAX_EXCERPT_LENGTH = 200;

/** The beginning of an unknown body, on one line. */
const excerpt = (body: string): string =>
  body
    .trim()
    .replaceAll(/[\s\u0000-\u001f\u007f-\u009f]+/g, ' ')
    .slice(0, MAX_EXCERPT_LENGTH);

export function judgeError(endpoint: Endpoint, error: unknown): Failed {
  if (!(error instanceof TransportError)) {
    const why = messageOf(error);
    return failed(`Berth's functions cannot be called at ${endpoint.text}: ${why}`, false, 'renew');
  }
  const { code, message, isSent } = error;
  if (code === 'TIMEOUT') {
    return failed(`Berth's functions at ${endpoint.text}: ${message}; ${silence(isSent)}`, isSent, 'repeat');
  }
  const remedy = remedies.find(({ codes }) => codes.test(code))?.remedy;
  const reason = `Berth's functions cannot be reached at ${endpoint.text}: ${message}`;
  return failed(
    remedy === undefined ? reason : `${reason}; ${remedy}`,
    isSent,
    code === 'ENOTFOUND' ? 'renew' : 'repeat',
  );
}

/** A function that received the request and is silent has other causes than one that was never reached. */
const silence = (isSent: boolean): string =>
  isSent
    ? "either they hang or the network drops packets, so check their duration and this host's routes"
    : "check this host's network and routes";

const remedies: readonly { readonly codes: RegExp; readonly remedy: string }[] = [
  {
    codes: /^(ENOTFOUND|EAI_)/,
    remedy: "check this host's DNS and network, and the URL that was given with --endpoint",
  },
  { codes: /^(ECONNREFUSED|ENOENT)$/, remedy: 'nothing listens there, so check that Berth is running' },
  { codes: /^(EHOSTUNREACH|ENETUNREACH|ENETDOWN|ETIMEDOUT)$/, remedy: "check this host's network and routes" },
  {
    codes: /^(EACCES|EPERM)$/,
    remedy: 'only the owner of the socket may open it, so run berth as that user or as root',
  },
  {
    codes: /CERT|SELF_SIGNED|UNABLE_TO|^ERR_TLS|^ERR_SSL|^EPROTO$/,
    remedy:
      'the server certificate is not trusted; behind a proxy that inspects TLS, name its CA in NODE_EXTRA_CA_CERTS',
  },
];
