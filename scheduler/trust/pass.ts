import { createHmac, timingSafeEqual } from "node:crypto";

export const PASS_SECONDS = 600;
const FORM = /^pass-([0-9]{1,15})-([0-9a-f]{64})$/;

/**
 * A key for a while, which the administration gives to operators: all threads know it by a secret that they share, so that
 * nobody has to be told of it.
 */
export function makePass(secret: Uint8Array, until: number): string {
  return `pass-${until}-${sealOf(secret, `${until}`).toString("hex")}`;
}

export function isPass(secret: Uint8Array, token: string, now: number): boolean {
  const [, until = "", seal = ""] = FORM.exec(token) ?? [];
  if (seal === "") return false;
  return timingSafeEqual(Buffer.from(seal, "hex"), sealOf(secret, until)) && Number(until) > now;
}

function sealOf(secret: Uint8Array, until: string): Buffer {
  return createHmac("sha256", secret).update(until).digest();
}
