/** Something that the person who started the program can put right: told in one line, without a stack. */
export class UserError extends Error {}
