/** Whether `address`, an IPv4 address or `localhost`, is only reached from its own machine. */
export const isLoopback = (address: string): boolean => address === "localhost" || address.startsWith("127.");
