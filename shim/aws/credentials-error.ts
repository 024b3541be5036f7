/**
 * Says why there are no credentials, with the remedy, for the person who set up the host. Messages of libraries are not
 * passed on, since they may contain secrets: a parser quotes the answer, and a failed command quotes its arguments. For
 * the same reason an error here has no cause.
 */
import * as v from 'valibot';
import { UserError } from '../user-error.ts';

export class CredentialsError extends UserError {}

/** What AWS's own variables say about where credentials come from. */
export interface CredentialSettings {
  readonly profile: string | undefined;
  readonly isContainer: boolean;
}

/** A service's refusal. A failed connection has no `$fault`. */
const fromService = v.object({ $fault: v.picklist(['client', 'server']), name: v.string(), message: v.string() });
const fromFile = v.object({ code: v.string(), path: v.string() });
const MAX_REASON_LENGTH = 200;
/** What Node and the AWS libraries call a connection that failed or broke. */
const UNREACHABLE = /ECONN\w+|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|EPIPE|TimeoutError|socket hang up/;

export function explainCredentials(error: unknown, settings: CredentialSettings): CredentialsError {
  if (error instanceof CredentialsError) return error;
  return new CredentialsError(`no AWS credentials: ${reason(error, settings)}`);
}

function reason(error: unknown, settings: CredentialSettings): string {
  const service = v.safeParse(fromService, error);
  if (service.success) return refusedByService(service.output);
  const file = v.safeParse(fromFile, error);
  if (file.success) return `${file.output.path} cannot be read (${file.output.code})`;
  const told = error instanceof Error ? error.message : '';
  const profile = settings.profile === undefined ? '' : ` --profile ${settings.profile}`;
  if (/\baws login\b/.test(told)) return `the login session has expired; run aws login${profile}`;
  if (/\bSSO\b|UnauthorizedException/.test(told)) return `the SSO session has expired; run aws sso login${profile}`;
  if (/multi-factor|\bMFA\b/i.test(told))
    return 'the profile requires an MFA code, which the shim cannot enter; use another profile';
  const [unreachable] = UNREACHABLE.exec(`${told} ${codeOf(error)}`) ?? [];
  if (unreachable !== undefined) return `their provider cannot be reached (${unreachable}); check the network`;
  return nothingFound(settings);
}

/** Only the first line, since the next ones may quote the request. */
function refusedByService({ name, message }: v.InferOutput<typeof fromService>): string {
  const line = message.split('\n', 1).join('').slice(0, MAX_REASON_LENGTH);
  return `AWS refused them (${name}: ${line}); check that this host may assume the role`;
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

function nothingFound({ profile, isContainer }: CredentialSettings): string {
  if (profile !== undefined) return `the profile ${profile} provides none; check ~/.aws/config and ~/.aws/credentials`;
  if (isContainer) return "the container's endpoint for them (AWS_CONTAINER_CREDENTIALS_…) provides none";
  return 'set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the instance a role';
}
