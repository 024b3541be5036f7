/** An error that the person who started the program can correct. It is printed as one line, without a stack. */
export class UserError extends Error {}
