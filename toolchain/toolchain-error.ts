/** A failure that the user can mend: `message` says what and where, `fix` says how. Shown without a stack. */
export class ToolchainError extends Error {
  readonly fix: string;

  constructor(message: string, fix: string) {
    super(message);
    this.name = "ToolchainError";
    this.fix = fix;
  }
}
