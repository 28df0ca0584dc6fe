import { bracketed, canonical, isIpv6 } from "../rank-tables/addresses.ts";

/** The parts of `ssh://user@host[:port]`. */
export interface SshEndpoint {
  readonly user: string | undefined;
  /** A name or an address, without brackets, in the one way to write it. */
  readonly host: string;
  readonly port: string | undefined;
}

const form = /^ssh:\/\/(?:([^\s@/:]+)@)?(?:([^\s@/:[\]]+)|\[([^\s[\]]+)\])(?::(\d+))?$/;

/** Undefined where `text` is no such endpoint. An IPv6 address stands in brackets, as in any URL. */
export function sshEndpoint(text: string): SshEndpoint | undefined {
  const [, user, name, inBrackets, port] = form.exec(text) ?? [];
  const host = name ?? (inBrackets !== undefined && isIpv6(inBrackets) ? canonical(inBrackets) : undefined);
  return host === undefined ? undefined : { user, host, port };
}

/** A Docker endpoint in the one way to write it. */
export function canonicalEndpoint(text: string): string {
  const { user, host = "", port } = sshEndpoint(text) ?? {};
  if (!isIpv6(host)) return text;
  return `ssh://${user === undefined ? "" : `${user}@`}${bracketed(host)}${port === undefined ? "" : `:${port}`}`;
}
