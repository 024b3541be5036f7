/** The only retry loop. The SDK's own is off: hidden retries would break what the rules rely on. */

export interface Retries {
  readonly pause: (milliseconds: number) => Promise<void>;
  /** ms */
  readonly now: () => number;
  /** In `[0, 1)`. */
  readonly random: () => number;
}

const MAX_ATTEMPTS = 6;
const FIRST_PAUSE_MS = 25;
const MAX_PAUSE_MS = 1_000;
/** ms after which no further attempt begins: a function has ten seconds, and must still be able to report the failure. */
const RETRY_BUDGET_MS = 5_000;

/** DynamoDB refused the request for now (throttling, a conflict) or did not process it. The request itself is valid. */
const TRANSIENT = new Set([
  'InternalServerError',
  'LimitExceededException',
  'ProvisionedThroughputExceededException',
  'ReplicatedWriteConflictException',
  'RequestLimitExceeded',
  'ServiceUnavailable',
  'ThrottlingException',
  'TimeoutError',
  'TransactionConflictException',
]);

/** Runs an operation until it is answered, with full jitter between attempts. @throws the last failure. */
export async function withRetries<T>(retries: Retries, operation: () => Promise<T>): Promise<T> {
  const end = retries.now() + RETRY_BUDGET_MS;
  for (let attempt = 1; ; attempt++) {
    try {
      return await operation();
    } catch (error) {
      if (attempt >= MAX_ATTEMPTS || retries.now() >= end || !isTransient(error)) throw error;
      await retries.pause(retries.random() * Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt));
    }
  }
}

function isTransient(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return TRANSIENT.has(error.name) || isServerError(error) || isConnectionError(error);
}

function isServerError(error: Error): boolean {
  if (!('$metadata' in error)) return false;
  const metadata = error.$metadata;
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return false;
  return typeof metadata.httpStatusCode === 'number' && metadata.httpStatusCode >= 500;
}

/** Node's network errors carry a code such as ECONNRESET; what became of the request is unknown. */
const isConnectionError = (error: Error): boolean =>
  'code' in error && typeof error.code === 'string' && /^E[A-Z_]+$/.test(error.code);
