import { isIPv6 } from "node:net";

const BLANK = "[address]";

/** No longer word is an IPv6 address with its zone. */
const MAX_IPV6_LENGTH = 64;

/*
 * Every pattern here is linear, whatever it runs over: it can begin only where the run of characters begins that it
 * repeats, or takes a bounded number of them.
 */
const PAGE_OR_TRACE =
  /<!doctype|<html|Traceback \(most recent call last\)|\n[^\S\n]+at \S+ \(|File "[^"\n]+", line \d/i;
const URLS = /(?<![\w+.-])[\w+.-]+:\/\/[^\s"'<>]+/g;
const BRACKETED = /\[([0-9a-f:.]+)(?:%[\w.-]+)?\](?::\d{1,5})?/gi;
const COLONS = /(?<![\w:.%])[\w:.%]+/g;
const IPV4 = /(?<!\d)\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?(?!\d)/g;
/** Of a port at least two digits, of a name a letter, so that times stay. */
const NAMES_WITH_PORT = /(?<![\w.-])(?=[\d._-]*[a-z])\w(?:[\w.-]*\w)?:\d{2,5}(?!\w|:\d)/gi;
const NAMES = /(?<![\w.-])([.-]*)(\w(?:[\w.-]*\w)?)/g;

/**
 * What a client may see of an engine's words: without URLs, IP addresses, names with a port, and `hosts`, which are in
 * lower case. `undefined` for pages and stack traces, which are for the operator, and for nothing.
 */
export function publicText(text: string, hosts: ReadonlySet<string>): string | undefined {
  return text === "" || PAGE_OR_TRACE.test(text) ? undefined : withoutAddresses(text, hosts);
}

function withoutAddresses(text: string, hosts: ReadonlySet<string>): string {
  return text
    .replace(URLS, BLANK)
    .replace(BRACKETED, (all, inside: string) => (isIPv6(inside) ? BLANK : all))
    .replace(COLONS, withoutIPv6)
    .replace(IPV4, BLANK)
    .replace(NAMES_WITH_PORT, BLANK)
    .replace(NAMES, (all, before: string, name: string) =>
      hosts.has(name.toLowerCase()) ? before + BLANK : all,
    );
}

/** The colon or dot behind an address may be the sentence's. */
function withoutIPv6(word: string): string {
  if (word.length > MAX_IPV6_LENGTH || !word.includes(":") || !/[0-9a-f]/i.test(word)) return word;
  for (let end = word.length; end > 0; end--) {
    if (isIPv6(word.slice(0, end))) return BLANK + word.slice(end);
    if (!/[:.]/.test(word.charAt(end - 1))) return word;
  }
  return word;
}

/** What can stand in an address that no blank ends. */
const WITHIN_ADDRESS = /[\w.:%[-]/;

/** At most `length` characters of `text`: what an address may begin at its end is left out with it. */
export function cutBetweenWords(text: string, length: number): string {
  if (text.length <= length) return text;
  let end = length;
  while (end > 0 && WITHIN_ADDRESS.test(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}
