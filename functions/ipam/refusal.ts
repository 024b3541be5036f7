/**
 * A request that is refused: the one error type of the domain. Its text reaches the user who typed the docker command,
 * so it names the value, the rule and the remedy, in Docker's words where Docker has them.
 */
import type { RefusalCode } from '../../protocol/refusal-code.ts';

export class Refusal extends Error {
  readonly code: RefusalCode;
  /** What else the log line says. */
  readonly details: Readonly<Record<string, string>>;

  constructor(code: RefusalCode, message: string, details: Readonly<Record<string, string>> = {}) {
    super(message);
    this.name = 'Refusal';
    this.code = code;
    this.details = details;
  }
}
