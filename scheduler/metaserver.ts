import { createServer } from "node:net";
import { ClientConnection } from "./client/connection.ts";
import type { Service } from "./client/service.ts";
import type { Metaserver } from "./completion/metaserver.ts";
import type { MetaserverAddress } from "./config/config.ts";
import { authority } from "./config/endpoints.ts";
import { type Budget, newClient } from "./data/budget.ts";
import type { Deadlines } from "./data/deadlines.ts";
import { listen } from "./listen.ts";
import { type LogSink, logLine } from "./log.ts";

/** A million tokens in blocks of 16 are less than half of it. */
const MAX_BODY_BYTES = 1024 * 1024;
/** An engine tells in 32 threads, each rank of it. */
const MAX_CONNECTIONS = 4096;
const LIMIT_MS = 10_000;

interface Surroundings {
  readonly deadlines: Deadlines;
  readonly budget: Budget;
  /** How many connections of clients there may be, each of which has one request. */
  readonly clients: number;
  readonly log: LogSink;
}

/** Has `metaserver` answer decode instances, on the port of this `thread`, until it is closed. Rejects with ListenError. */
export async function listenForDecode(
  metaserver: Metaserver,
  { host, port }: MetaserverAddress,
  thread: number,
  { deadlines, budget, clients, log }: Surroundings,
): Promise<() => void> {
  const connections = new Set<ClientConnection>();
  const service: Service = {
    deadlines,
    limits: {
      requestHeadMs: LIMIT_MS,
      requestBodyMs: LIMIT_MS,
      stalledClientMs: LIMIT_MS,
      maxBodyBytes: MAX_BODY_BYTES,
    },
    totals: { addBytes() {}, addEvents() {} },
    budget,
    admit: (head) => head,
    route: (head) => metaserver.route(head),
    began() {},
    ended({ trace }) {
      trace.mark("total");
      if (trace.outcome !== "ok") log(logLine(trace));
    },
  };
  const engines = newClient();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const connection = new ClientConnection(socket, service, engines);
    connections.add(connection);
    socket.once("close", () => connections.delete(connection));
  });
  server.maxConnections = Math.min(MAX_CONNECTIONS, clients);
  const listening = await listen(server, { host, port: port && port + thread }, "--metaserver-port");
  metaserver.origin = `http://${authority({ host, port: listening })}`;
  return () => {
    metaserver.close();
    for (const connection of connections) connection.destroy();
    server.close();
  };
}
