import { isIPv6 } from "node:net";
import { Budget, type Client, type Most, NoRoom, newClient } from "../data/budget.ts";

/** Who is connected to a thread, and what all of them and each may have. */
export class Crowd {
  readonly budget: Budget;
  readonly #most: Most;
  readonly #clients = new Map<string, Client>();
  connections = 0;

  /** `used`: see Budget. */
  constructor(
    most: { readonly connections: Most; readonly bytes: Most },
    used?: Float64Array<ArrayBufferLike>,
  ) {
    this.#most = most.connections;
    this.budget = new Budget(most.bytes, used);
  }

  /** A connection comes; the function returned is for when it goes. Throws NoRoom. */
  enter(address: string): () => void {
    const name = clientName(address);
    const client = this.#clients.get(name) ?? newClient();
    if (this.connections >= this.#most.all) throw new NoRoom("all", "connections");
    if (client.connections >= this.#most.client) throw new NoRoom("client", "connections");
    if (client.connections++ === 0) this.#clients.set(name, client);
    this.connections++;
    return () => {
      this.connections--;
      // What it still has in memory is given back to the object, which goes with the last one that knows it.
      if (--client.connections === 0) this.#clients.delete(name);
    };
  }

  /** Who has a connection from there. */
  at(address: string | undefined): Client | undefined {
    return address === undefined ? undefined : this.#clients.get(clientName(address));
  }
}

const MAPPED = "::ffff:";
const GROUPS = 8;
/** Of IPv6 a client has a network of its own at least: so many groups of its addresses are the same. */
const NETWORK_GROUPS = 4;

/** Whoever has this address: of IPv6 its /64. */
export function clientName(address: string): string {
  const bare = address.startsWith(MAPPED) ? address.slice(MAPPED.length) : address;
  if (!isIPv6(bare)) return bare;
  const [before = [], after = []] = bare.split("::").map((part) => (part === "" ? [] : part.split(":")));
  const zeros = new Array<string>(GROUPS - before.length - after.length).fill("0");
  return [...before, ...zeros, ...after].slice(0, NETWORK_GROUPS).join(":");
}
