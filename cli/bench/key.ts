import { givesPasses, passOf } from "../../hosts/pass.ts";
import type { Plan } from "../../planning/plan.ts";
import { complain } from "../print.ts";

/** The key that requests go with now, if any. */
export type Key = () => string | undefined;

/** A pass lasts for ten minutes, so that two in a row may fail to come. */
const RENEWAL_MS = 180_000;

/** The key that was given, else a pass of a stack that asks for keys. Throws where its scheduler gives none. */
export async function keyFor(plan: Plan | undefined, given: string | undefined): Promise<Key> {
  const scheduler = plan === undefined ? undefined : givesPasses(plan);
  if (given !== undefined || scheduler === undefined) return () => given;
  return renewed(() => passOf(scheduler), RENEWAL_MS);
}

/** A key that is obtained anew every so often, for as long as this program runs. */
export async function renewed(obtain: () => Promise<string>, everyMs: number): Promise<Key> {
  let key = await obtain();
  const renew = () =>
    obtain().then(
      (fresh) => {
        key = fresh;
      },
      (error: Error) => complain(`note: ${error.message}`),
    );
  setInterval(renew, everyMs).unref();
  return () => key;
}

export const authorization = (key: string | undefined) =>
  key === undefined ? {} : { authorization: `Bearer ${key}` };
