/** Runs a probe's body: what it returns is printed; an Error is one message without a stack, and exit code 1. */
export async function runProbe(body: () => Promise<string>): Promise<void> {
  try {
    console.log(await body());
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
