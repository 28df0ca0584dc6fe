/** A failure that the user can mend: `message` says what and where, `fix` says how. Shown without a stack. */
export class FixableError extends Error {
  readonly fix: string;

  constructor(message: string, fix: string) {
    super(message);
    this.name = "FixableError";
    this.fix = fix;
  }
}
