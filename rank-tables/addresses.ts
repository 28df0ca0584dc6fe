/*
 * Addresses of hosts and NPUs, as text. Two are compared by `canonical` and nothing else: 2001:DB8:0:0::1 is 2001:db8::1.
 */

const byte = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";

export const ipv4Pattern = `${byte}(\\.${byte}){3}`;

/** Whether `text` is an IPv4 address in full. Masked (`10.**.**.18`) and blank (`-.-.-.-`) ones are not. */
export const isIpv4 = (text: string): boolean => new RegExp(`^${ipv4Pattern}$`).test(text);

/** Whether `text` is an IPv6 address, without the zone that only its own machine knows (`fe80::1%eth0`). */
export const isIpv6 = (text: string): boolean =>
  /^[\dA-Fa-f:.]+$/.test(text) && text.includes(":") && URL.canParse(`http://[${text}]`);

/**
 * The one way to write an address: IPv6 as RFC 5952 says, and one that stands for an IPv4 address (`::ffff:10.0.0.18`) as
 * that. Whatever else `text` is, a name or no address, it stays.
 */
export function canonical(text: string): string {
  if (!isIpv6(text)) return text;
  const address = new URL(`http://[${text}]`).hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/.exec(address) ?? [];
  if (high === undefined || low === undefined) return address;
  const bytes = [high, low].flatMap((word) => [
    Number.parseInt(word, 16) >> 8,
    Number.parseInt(word, 16) & 255,
  ]);
  return bytes.join(".");
}

/** As in a URL: in brackets where it is an IPv6 address. */
export const bracketed = (address: string): string => (isIpv6(address) ? `[${address}]` : address);

/** Whether `address`, or `localhost`, is only reached from its own machine. */
export function isLoopback(address: string): boolean {
  const one = canonical(address);
  return one === "localhost" || one === "::1" || one.startsWith("127.");
}

/** Whether machines of one network reach each other there: no loopback, link-local or multicast, and not `0.x` or `::`. */
export function isUnicast(address: string): boolean {
  const one = canonical(address);
  if (isIpv6(one)) return !/^(::1?|ff.*|fe[89ab][\da-f]:.*)$/.test(one);
  return !isLoopback(one) && !/^(0|22[4-9]|2[3-5]\d)\.|^169\.254\./.test(one);
}
