/** Whether `address`, an IPv4 address or `localhost`, is only reached from its own machine. */
export const isLoopback = (address: string): boolean => address === "localhost" || address.startsWith("127.");

/** Whether machines of one network reach each other at this IPv4 address: no loopback, link-local, multicast or 0.x. */
export const isUnicast = (address: string): boolean =>
  !isLoopback(address) && !/^(0|22[4-9]|2[3-5]\d)\.|^169\.254\./.test(address);
