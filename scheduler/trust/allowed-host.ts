import { type Field, valueIfSole } from "../http/head.ts";

/**
 * Whether a request came by a name that it may come by, whatever its port. A page of another site can have its own name
 * lead here, and then ask as if this were that site; but it cannot have a browser say another name.
 */
export function isAllowedHost(fields: readonly Field[], allowed: readonly string[]): boolean {
  if (allowed.length === 0) return true;
  const name = (valueIfSole(fields, "host") ?? "").replace(/:[0-9]*$/, "").toLowerCase();
  return allowed.includes(name);
}
