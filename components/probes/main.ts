import { ToolchainError } from "../../toolchain/context.ts";

/** Runs a probe's body: what it returns is printed; an Error is one message without a stack, and exit code 1. */
export async function runProbe(body: () => Promise<string>): Promise<void> {
  try {
    console.log(await body());
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    if (error instanceof ToolchainError) console.error(`fix: ${error.fix}`);
    process.exitCode = 1;
  }
}

/** Why a `fetch` failed, in words: its own message is only ever "fetch failed". */
export function reasonOf(error: Error): string {
  const { cause } = error;
  // One address of several, when none of them answered; their common error has no message.
  const inner = cause instanceof AggregateError ? cause.errors.at(-1) : cause;
  return inner instanceof Error ? inner.message : error.message;
}
