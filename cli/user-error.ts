/** A mistake of the user's: shown as it is, without a stack. */
export class UserError extends Error {}
