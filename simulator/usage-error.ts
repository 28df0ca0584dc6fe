/** Something the user can mend: `message` says what is wrong and where, `fix` what to do. Shown without a stack. */
export class UsageError extends Error {
  readonly fix: string;

  constructor(message: string, fix: string) {
    super(message);
    this.fix = fix;
  }
}
