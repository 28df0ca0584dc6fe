import { createServer } from "node:net";
import { parentPort, Worker, workerData } from "node:worker_threads";
import type { Roster } from "./instances/instances.ts";
import { ListenError, listen } from "./listen.ts";
import { gathering, logLine } from "./log.ts";
import { type Server, type ServerObserver, type ServerOptions, startServer } from "./server.ts";
import type { Trust } from "./trust/trust.ts";

/** A thread that dies again and again is not started more often than this. */
const RESTART_MS = 1000;
/** A thread that has not ended so long after the drain limit does not get to it. */
const HANGS_MS = 4000;

/** How often a thread that serves is asked for a sign of life, and how many it may owe. */
const PING_MS = 1000;
const MAX_OWED = 10;

type ToThread =
  | { readonly kind: "update"; readonly roster: Roster }
  | { readonly kind: "renew"; readonly trust: Trust; readonly keyNames: readonly string[] }
  | { readonly kind: "disconnect"; readonly id: number }
  /** The lines of its last `log` are taken. */
  | { readonly kind: "logged" }
  | { readonly kind: "ping" }
  | { readonly kind: "drain" };

type FromThread =
  | { readonly kind: "listening" }
  | { readonly kind: "cannotListen"; readonly message: string; readonly fix: string }
  | { readonly kind: "log"; readonly lines: readonly string[] }
  | { readonly kind: "pong" }
  | { readonly kind: "becameIdle" };

export interface ThreadsObserver extends ServerObserver {
  /** Whatever this thread had running is lost. Another one takes its place. */
  died(thread: number): void;
}

/**
 * Serves clients in `threads` threads that listen on one port; the kernel hands each connection to one of them
 * (SO_REUSEPORT). `program` is run by each and has to call `serveInThread`. Rejects with ListenError.
 */
export async function startThreads(
  { config, roster, keyNames, ...rest }: Omit<ServerOptions, "thread">,
  program: URL,
  observer: ThreadsObserver,
): Promise<Server> {
  const port = await unusedPort(config);
  const running = new Map<number, Worker>();
  let current = { roster, keyNames, trust: config.trust };
  let phase: "starting" | "serving" | "draining" | "closed" = "starting";

  /** Resolves when it listens. */
  function start(thread: number): Promise<void> {
    const { trust, ...now } = current;
    const options: ServerOptions = { ...rest, ...now, config: { ...config, port, trust }, thread };
    const startedAt = performance.now();
    return new Promise((resolve, reject) => {
      let reason: string | undefined;

      const failed = (error: unknown) => {
        reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
        if (isLackOfRoom(error)) reject(noRoom(rest.threads, error));
      };
      let owed = 0;
      let pings: NodeJS.Timeout | undefined;
      // Counted in its own turns: where this thread is late itself, no thread owes more for it.
      const ping = () => {
        if (phase !== "serving") return;
        if (++owed > MAX_OWED) {
          reason ??= `it hung: no sign of life for ${(MAX_OWED * PING_MS) / 1000} s`;
          void worker.terminate();
        } else worker.postMessage({ kind: "ping" } satisfies ToThread);
      };
      const ended = (code: number) => {
        clearInterval(pings);
        running.delete(thread);
        const died = reason ?? `it ended with code ${code}`;
        reject(new Error(died));
        if (phase === "starting") close();
        if (phase === "closed" || (phase === "draining" && code === 0 && reason === undefined)) return;
        observer.died(thread);
        observer.log(logLine({ worker: thread, died }));
        const restart = () => {
          if (phase === "serving") start(thread).catch(() => {});
        };
        setTimeout(restart, Math.max(0, startedAt + RESTART_MS - performance.now()));
      };

      let worker: Worker;
      try {
        worker = new Worker(program, { workerData: options });
      } catch (error) {
        failed(error);
        ended(1);
        return;
      }
      running.set(thread, worker);
      worker.on("message", (message: FromThread) => {
        if (message.kind === "listening") {
          pings = setInterval(ping, PING_MS).unref();
          resolve();
        } else if (message.kind === "pong") owed = 0;
        else if (message.kind === "cannotListen") {
          reason = message.message;
          reject(new ListenError(message.message, message.fix));
        } else if (message.kind === "becameIdle") observer.becameIdle();
        else {
          for (const line of message.lines) observer.log(line);
          worker.postMessage({ kind: "logged" } satisfies ToThread);
        }
      });
      worker.on("error", failed);
      worker.on("exit", ended);
    });
  }

  function tell(message: ToThread): void {
    for (const worker of running.values()) worker.postMessage(message);
  }

  function close(): void {
    phase = "closed";
    for (const worker of running.values()) void worker.terminate();
  }

  try {
    await Promise.all(Array.from({ length: rest.threads }, (_, thread) => start(thread)));
  } catch (error) {
    close();
    throw error;
  }
  phase = "serving";
  return {
    port,
    update(next) {
      current = { ...current, roster: next };
      tell({ kind: "update", roster: next });
    },
    renew(trust, keyNames) {
      current = { ...current, trust, keyNames };
      tell({ kind: "renew", trust, keyNames });
    },
    disconnect: (id) => tell({ kind: "disconnect", id }),
    async drain() {
      phase = "draining";
      tell({ kind: "drain" });
      const ends = [...running.values()].map(
        (worker) => new Promise((resolve) => worker.once("exit", resolve)),
      );
      const limit = setTimeout(() => {
        for (const worker of running.values()) void worker.terminate();
      }, config.timeouts.drainMs + HANGS_MS);
      await Promise.all(ends);
      clearTimeout(limit);
    },
    close,
  };
}

/** The port to listen on, when nobody does: threads that share it would share it with any other process, too. */
async function unusedPort({ host, port }: { host: string; port: number }): Promise<number> {
  const server = createServer();
  const found = await listen(server, { host, port }, "--port");
  await new Promise((resolve) => server.close(resolve));
  return found;
}

/** The machine has no thread, no file or no memory for another worker. */
function isLackOfRoom(error: unknown): error is Error {
  return error instanceof Error && "code" in error && String(error.code).startsWith("ERR_WORKER_");
}

function noRoom(threads: number, { message }: Error): ListenError {
  return new ListenError(
    `cannot start ${threads} workers: ${message}`,
    "give fewer --workers, or let this process have more threads, open files or memory",
  );
}

/** The other end: serves in this thread what `startThreads` has started it for. */
export async function serveInThread(): Promise<void> {
  const port = parentPort;
  if (port === null) throw new Error("this is not a thread of a scheduler");
  const post = (message: FromThread) => port.postMessage(message);
  let logged = () => {};
  const log = gathering((lines, gone) => {
    logged = gone;
    post({ kind: "log", lines });
  });
  // Also when it dies: what it has said is not to die with it.
  process.on("exit", log.flush);
  try {
    const server = await startServer(workerData as ServerOptions, {
      log: log.say,
      becameIdle: () => post({ kind: "becameIdle" }),
    });
    port.on("message", (message: ToThread) => {
      if (message.kind === "update") server.update(message.roster);
      else if (message.kind === "renew") server.renew(message.trust, message.keyNames);
      else if (message.kind === "disconnect") server.disconnect(message.id);
      else if (message.kind === "logged") logged();
      else if (message.kind === "ping") post({ kind: "pong" });
      else {
        // With nothing left to do the thread ends.
        void server.drain().then(() => port.unref());
      }
    });
    post({ kind: "listening" });
  } catch (error) {
    if (!(error instanceof ListenError)) throw error;
    post({ kind: "cannotListen", message: error.message, fix: error.fix });
  }
}
