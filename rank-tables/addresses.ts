/** Whether `address`, an IPv4 address or `localhost`, is only reached from its own machine. */
export const isLoopback = (address: string): boolean => address === "localhost" || address.startsWith("127.");

/** Whether machines of one network reach each other at this IPv4 address: no loopback, link-local, multicast or 0.x. */
export const isUnicast = (address: string): boolean =>
  !isLoopback(address) && !/^(0|22[4-9]|2[3-5]\d)\.|^169\.254\./.test(address);

const byte = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";

export const ipv4Pattern = `${byte}(\\.${byte}){3}`;

/** Whether `text` is an IPv4 address in full. Masked (`10.**.**.18`) and blank (`-.-.-.-`) ones are not. */
export const isIpv4 = (text: string): boolean => new RegExp(`^${ipv4Pattern}$`).test(text);
