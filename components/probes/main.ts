import { FixableError } from "../../problems/fixable-error.ts";
import { visibleLines } from "../../problems/text.ts";

/** Prints a line for people, who see it by way of Pulumi: hosts, containers and engines may have said a part of it. */
export const say = (text: string): void => console.log(visibleLines(text));
const complain = (text: string): void => console.error(visibleLines(text));

/** Runs a probe's body: what it returns is printed; an Error is one message without a stack, and exit code 1. */
export async function runProbe(body: () => Promise<string>): Promise<void> {
  try {
    say(await body());
  } catch (error) {
    complain(error instanceof Error ? error.message : String(error));
    if (error instanceof FixableError) complain(`fix: ${error.fix}`);
    process.exitCode = 1;
  }
}
