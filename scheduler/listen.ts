import type { Server as HttpServer, RequestListener } from "node:http";
import type { ListenOptions, Server } from "node:net";

/** Operators, and monitors, may have so many connections. */
export const SIDE_CONNECTIONS = 32;

/** A server cannot listen: the user's to mend. */
export class ListenError extends Error {
  readonly fix: string;

  constructor(message: string, fix: string) {
    super(message);
    this.fix = fix;
  }
}

/** Resolves with the port, 0 for a socket. `flag` is what the user would change. Rejects with ListenError. */
export function listen(server: Server, options: ListenOptions, flag: string): Promise<number> {
  const where = options.path ?? `${options.host} port ${options.port}`;
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const [why, fix] = reason(error, flag);
      reject(new ListenError(`cannot listen on ${where}: ${why}`, fix));
    });
    server.listen(options, () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
}

function reason({ code, message }: NodeJS.ErrnoException, flag: string): [why: string, fix: string] {
  switch (code) {
    case "EADDRINUSE":
      return ["another process listens there", `stop it, or choose another ${flag}`];
    case "EACCES":
      return [
        "not permitted",
        `choose a ${flag} that this user may have; ports from 1024 on need no privilege`,
      ];
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return [
        "this machine has no such address",
        `give ${flag.replace("port", "host")} one that it has, or 0.0.0.0 for all`,
      ];
    default:
      return [code ?? message, `choose another ${flag}`];
  }
}

const NO_TUNNEL = "HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/**
 * A server beside the data path, for operators and monitors. Node's HTTP is loaded for the first one only: it would be
 * a fifth of an idle scheduler's memory.
 */
export function sideServer(listener: RequestListener): HttpServer {
  const { createServer } = process.getBuiltinModule("node:http");
  const server = createServer({ requestTimeout: 10_000 }, listener);
  server.maxConnections = SIDE_CONNECTIONS;
  // Node would end the connection without a word. It has taken its own error listener off: without one, a client that resets
  // the connection would end the process.
  server.on("connect", (_, socket) => socket.on("error", () => {}).end(NO_TUNNEL, () => socket.destroy()));
  return server;
}
