import { X509Certificate } from "node:crypto";
import {
  connect,
  createServer,
  type Server,
  type ServerOpts,
  type Socket,
  type TcpNetConnectOpts,
} from "node:net";
import type { SecureContext, TlsOptions } from "node:tls";

/** What one side shows and accepts, as PEM texts. */
export interface Pem {
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** Of those whose certificates are accepted. */
  readonly ca?: string | undefined;
}

/** Loaded for those who use it: it would be memory for nothing in others. */
const tls = () => process.getBuiltinModule("node:tls");

/** Why it cannot be used; `undefined` when it can. */
export function problemOf({ cert, key, ca }: Pem): string | undefined {
  try {
    if (ca !== undefined) new X509Certificate(ca);
    const own = cert === undefined ? undefined : new X509Certificate(cert);
    if (own !== undefined && new Date(own.validTo).getTime() < Date.now())
      return `the certificate is over since ${own.validTo}`;
    tls().createSecureContext(contextOf({ cert, key, ca }));
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ERR_OSSL_X509_KEY_VALUES_MISMATCH"
      ? "the key is not that of the certificate"
      : "it is no PEM text of a certificate, or of its key";
  }
}

/** A server for clients; without `pem` a plain one. Who takes longer than `handshakeMs` to shake hands is dropped. */
export function serverFor(
  pem: Pem | undefined,
  options: ServerOpts,
  handshakeMs: number,
  { enters, connected }: Door,
): ServerForClients {
  if (pem === undefined) {
    const server = createServer(options, (socket) => {
      if (enters(socket)) connected(socket);
    });
    return { server, renew() {}, dropPending() {} };
  }
  // It does not listen: connections for which there is no room never shake hands.
  const secure: TlsOptions & ServerOpts = { ...options, handshakeTimeout: handshakeMs, ...accepting(pem) };
  const handshakes = tls().createServer(secure, connected);
  // Whoever does not speak TLS, or shows no certificate that is accepted, is not answered.
  handshakes.on("tlsClientError", (_, socket) => socket.destroy());
  const pending = new Set<Socket>();
  // A client that ends its side has left: within its handshake nobody else would notice.
  const server = createServer({ ...options, allowHalfOpen: false }, (socket) => {
    if (!enters(socket)) return;
    pending.add(socket);
    socket.once("close", () => pending.delete(socket));
    handshakes.emit("connection", socket);
  });
  return {
    server,
    renew: (next) => next !== undefined && handshakes.setSecureContext(contextOf(next)),
    dropPending() {
      for (const socket of pending) socket.destroy();
    },
  };
}

/** What is done with connections. */
export interface Door {
  /** Whether there is room for one; it has ended the others. */
  enters(socket: Socket): boolean;
  connected(socket: Socket): void;
}

export interface ServerForClients {
  readonly server: Server;
  /** For connections from now on. */
  renew(pem: Pem | undefined): void;
  /** Also those that have not shaken hands. */
  dropPending(): void;
}

function accepting(pem: Pem): TlsOptions {
  const isMutual = pem.ca !== undefined;
  return {
    ...contextOf(pem),
    requestCert: isMutual,
    rejectUnauthorized: isMutual,
    ALPNProtocols: ["http/1.1"],
  };
}

const contextOf = ({ cert, key, ca }: Pem) => ({
  minVersion: "TLSv1.2" as const,
  ...(cert !== undefined && { cert }),
  ...(key !== undefined && { key }),
  ...(ca !== undefined && { ca }),
});

/** Connects to engines: plainly, or where there is a `pem` with TLS alone. */
export class Connector {
  #context: SecureContext | undefined;

  constructor(pem: Pem | undefined) {
    this.renew(pem);
  }

  /** For connections from now on. */
  renew(pem: Pem | undefined): void {
    this.#context = pem && tls().createSecureContext(contextOf(pem));
  }

  /** `connected` is called when bytes may pass: an engine that is not who it should be gets none that is written before. */
  connect(options: TcpNetConnectOpts & { readonly highWaterMark: number }, connected: () => void): Socket {
    if (this.#context === undefined) return connect(options).once("connect", connected);
    const secure = { ...options, secureContext: this.#context, rejectUnauthorized: true };
    const socket = tls().connect(secure);
    socket.setNoDelay(true);
    socket.cork();
    return socket.once("secureConnect", () => {
      connected();
      socket.uncork();
    });
  }
}
