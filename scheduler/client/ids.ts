import { randomBytes } from "node:crypto";

/**
 * What is taken of a client's id. Three underscores in a row are not: some KV connectors read an engine's
 * address from an id like `___prefill_addr_10.0.0.1:5600___…`.
 */
const WELL_FORMED = /^(?!.*___)[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

const processPart = randomBytes(6).toString("hex");
let count = 0;

/** An id that no other request has, with the client's own in front when it is safe to pass on. */
export function requestId(fromClient: string | undefined): string {
  const unique = `${processPart}-${(count++).toString(36)}`;
  return fromClient !== undefined && WELL_FORMED.test(fromClient) ? `${fromClient}-${unique}` : unique;
}
