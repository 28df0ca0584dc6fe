import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Flags } from "./flags.ts";
import { UsageError } from "./usage-error.ts";

/*
 * An instance over several hosts, as vLLM has it: one process on each, of which the head has the API and waits for the
 * others before it answers. The ranks of others compute in the head here; what is as in vLLM is who waits for whom, and
 * that the whole ends when one is lost.
 */

/** What `--data-parallel-…` says of one process. */
export interface Member {
  /** Ranks of the instance. */
  readonly size: number;
  /** Ranks of this process, from `start` on. */
  readonly local: number;
  readonly start: number;
  /** Where the head waits. */
  readonly address: string;
  readonly port: number;
  readonly headless: boolean;
}

/** Undefined for an instance that is whole in this process. Throws UsageError for ranks that there are not. */
export function memberOf(flags: Flags, size: number): Member | undefined {
  const headless = flags.isSet("headless");
  const given = flags.text("data-parallel-size-local");
  const local = given === undefined ? size : flags.integer("data-parallel-size-local", 1, 64);
  if (local === size && !headless) return undefined;
  const start = flags.integer("data-parallel-start-rank", 0, 63);
  if (start + local > size || headless !== start > 0) {
    throw new UsageError(
      `ranks ${start} to ${start + local - 1} of ${size}${headless ? ", with --headless" : ""}`,
      "give the head those from 0 on, and each of the others --headless and the next ones",
    );
  }
  const address = flags.text("data-parallel-address") ?? "";
  return { size, local, start, address, port: flags.integer("data-parallel-rpc-port", 1, 65_535), headless };
}

/** Waits until all ranks are there. `lost` is called when a member is gone after that, or says what cannot be. */
export async function untilWhole(
  { size, local, address, port }: Member,
  log: (line: string) => void,
  lost: (why: string) => void,
): Promise<void> {
  const missing = new Set(Array.from({ length: size - local }, (_, rank) => local + rank));
  const server = createServer();
  server.listen({ host: address, port });
  await once(server, "listening").catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`cannot listen on ${address}:${port}: ${error.code}`, "give a free port");
  });
  log(`waiting for ranks ${[...missing].join(", ")} of ${size} on ${address}:${port}`);
  await new Promise<void>((resolve) => {
    server.on("connection", async (socket) => {
      watch(socket);
      const said = await hello(socket);
      if (said === undefined) return socket.destroy();
      const ranks = Array.from({ length: said.local }, (_, rank) => said.start + rank);
      if (said.size !== size || !ranks.every((rank) => missing.delete(rank)))
        return lost(`a member says ranks ${ranks.join(", ")} of ${said.size}`);
      socket.on("close", () => lost(`ranks ${ranks.join(", ")} are gone`));
      log(`ranks ${ranks.join(", ")} are there`);
      if (missing.size === 0) resolve();
    });
  });
}

/** Connects to the head, for as long as that takes; `lost` is called when it is gone. */
export async function joinHead(
  { address, port, ...ranks }: Member,
  log: (line: string) => void,
  lost: (why: string) => void,
): Promise<void> {
  log(`waiting for the head on ${address}:${port}`);
  for (;;) {
    const socket = connect({ host: address, port });
    watch(socket);
    const connected = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    if (connected) {
      socket.on("close", () => lost("the head is gone"));
      socket.write(`${JSON.stringify(ranks)}\n`);
      return log(`ranks ${ranks.start} to ${ranks.start + ranks.local - 1} of ${ranks.size} are up`);
    }
    await sleep(200);
  }
}

/** A host that is gone closes nothing. */
function watch(socket: Socket): void {
  socket.setKeepAlive(true, 1000);
  socket.on("error", () => {});
}

async function hello(socket: Socket): Promise<Pick<Member, "size" | "local" | "start"> | undefined> {
  let text = "";
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    text += chunk;
    const end = text.indexOf("\n");
    if (end !== -1) return ranksIn(text.slice(0, end));
    if (text.length > 1000) break;
  }
  return undefined;
}

function ranksIn(line: string): Pick<Member, "size" | "local" | "start"> | undefined {
  try {
    const { size, local, start } = Object(JSON.parse(line));
    return [size, local, start].every((one) => Number.isInteger(one) && one >= 0 && one <= 64)
      ? { size, local, start }
      : undefined;
  } catch {
    return undefined;
  }
}
