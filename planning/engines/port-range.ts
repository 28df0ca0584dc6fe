/** Ports of a host's network, both ends included. Containers share it. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export const includes = ({ first, last }: PortRange, port: number): boolean => port >= first && port <= last;

export const portsIn = ({ first, last }: PortRange): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);
