/** Errors that the person who started the program can correct. They are printed without a stack. */
import { EXIT, type ExitCode } from './exit-codes.ts';

export class UserError extends Error {
  readonly exitCode: ExitCode = EXIT.unexpected;
  /** For programs that read `--json`. */
  readonly code: string = 'failed';
}

/** The command, a variable or a file of settings is wrong. */
export class UsageError extends UserError {
  override readonly exitCode = EXIT.usage;
  override readonly code = 'usage';
}

/** `berth doctor` could not compare Docker with the table. */
export class NotComparedError extends UserError {
  override readonly exitCode = EXIT.unreachable;
  override readonly code = 'not-compared';
}

/** The fleet, or the shim on this host, gives no answer. */
export class UnreachableError extends UserError {
  override readonly exitCode = EXIT.unreachable;
  override readonly code = 'unreachable';
}
