/** The exit codes of `berth`, which scripts rely on: docs/operations.md lists them. `berth shim --health` has its own. */
export const EXIT = {
  done: 0,
  /** Something failed that none of the others names. */
  unexpected: 1,
  /** The command line, a variable or a file of settings is wrong; the same command fails again. */
  usage: 2,
  /** The functions understood, and refused. */
  refused: 3,
  /**
   * The fleet, the shim on this host, or the Docker that `berth doctor` asks, gives no answer; the same command may succeed
   * later.
   */
  unreachable: 4,
  /** `berth doctor` found differences that are left, or `berth check` damage. */
  findings: 5,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
