import { createServer, type ServerOpts } from "node:net";
import { type Administration, startAdmin } from "./admin.ts";
import { generateApi, openAiApi } from "./api.ts";
import { Bag } from "./bag.ts";
import { completions, type Engines, models } from "./completion.ts";
import type { Config } from "./config.ts";
import { ClientConnection, type Handler, type Service } from "./connection.ts";
import { Deadlines } from "./deadlines.ts";
import { InvalidTables } from "./endpoints.ts";
import { Failure } from "./errors.ts";
import type { RequestHead } from "./http/request.ts";
import { isReady } from "./instances.ts";
import { listen } from "./listen.ts";
import { type LogSink, logLine } from "./log.ts";
import { Membership, type ReloadResult } from "./membership.ts";
import { METRICS } from "./metric-table.ts";
import { metricsText } from "./metrics.ts";
import { startMetrics } from "./metrics-server.ts";
import type { Picker } from "./policy.ts";
import { HIGH_WATER_MARK } from "./pool.ts";
import type { Reply } from "./reply.ts";
import { isToEngines, ROUTES, type Route } from "./routes.ts";
import { Stats } from "./stats.ts";

/** Bursts of clients wait in the kernel for `accept`, not for a lost SYN to be sent again. */
const BACKLOG = 4096;
/** How long the last answers may take to leave once nothing works on them any more. */
const FLUSH_MS = 1000;

export interface Scheduler {
  readonly port: number;
  /** In the order of `config.admin`; 0 for a socket. */
  readonly adminPorts: readonly number[];
  readonly metricsPort: number | undefined;
  /** Reads the rank tables and NODE_PORTS again; what is wrong there is logged and changes nothing. */
  reload(): void;
  /** Lets requests in flight finish, within the drain limit, refuses others, and resolves when all is closed. */
  drain(): Promise<void>;
  /** Closes everything now. */
  close(): void;
}

/** Listens and serves. Rejects with ListenError when it cannot. */
export async function startScheduler(config: Config, log: LogSink): Promise<Scheduler> {
  const deadlines = new Deadlines();
  const membership = new Membership(config, deadlines, log);
  const { prefill, decode } = membership;
  const engines: Engines = { config, deadlines, prefill, decode };

  const connections = new Set<ClientConnection>();
  const stats = new Stats();
  const replies = new Bag<Reply>();
  let draining = false;
  let becameIdle = () => {};

  const ready = () => !draining && membership.ready;
  const routes = new Map(
    ROUTES.filter(({ api = config.api }) => api === config.api).map((route) => [route.path, route]),
  );
  const handlers: Record<Route["serves"], Handler> = {
    completion: completions(engines, config.api === "openai" ? openAiApi(config.servedModels) : generateApi),
    models: models(engines),
    liveness: (_, reply) => tellState(reply, true),
    readiness: (_, reply) => tellState(reply, ready()),
  };

  function tellState(reply: Reply, isWell: boolean): void {
    const count = (picker: Picker) => picker.instances.filter(isReady).length;
    const state = { ready: ready(), draining, prefill: count(prefill), decode: count(decode) };
    reply.send(isWell ? 200 : 503, [Buffer.from(JSON.stringify(state))]);
  }

  const service: Service = {
    deadlines,
    limits: { ...config.timeouts, maxBodyBytes: config.maxBodyBytes },
    route({ path, method }: RequestHead) {
      const route = routes.get(path);
      if (route === undefined) throw new Failure("not_found");
      if (!route.methods.includes(method)) {
        throw new Failure("method_not_allowed", { allow: route.methods.join(", ") });
      }
      if (draining && isToEngines(route)) throw new Failure("shutting_down");
      return handlers[route.serves];
    },
    began(reply) {
      if (draining) reply.close = true;
      replies.add(reply);
    },
    ended(reply) {
      replies.remove(reply);
      const { trace } = reply;
      trace.mark("total");
      const route = routes.get(trace.path);
      stats.ended(route?.path ?? "other", trace);
      if (trace.outcome !== "ok" || (route !== undefined && isToEngines(route))) log(logLine(trace));
      if (replies.items.length === 0) becameIdle();
    },
  };

  const options: ServerOpts = { allowHalfOpen: true, noDelay: true, highWaterMark: HIGH_WATER_MARK };
  const server = createServer(options, (socket) => {
    const connection = new ClientConnection(socket, service);
    connections.add(connection);
    socket.once("close", () => connections.delete(connection));
  });
  const administration: Administration = {
    membership,
    deadlineMs: config.timeouts.drainMs,
    reload,
    state: () => ({
      ready: ready(),
      draining,
      requests: replies.items.length,
      instances: membership.states,
    }),
  };

  /** Throws InvalidTables. */
  function reload(nodePorts?: string): ReloadResult {
    const result = membership.reload(config.readEndpoints(nodePorts));
    log(logLine({ reloaded: true, ...result }));
    return result;
  }

  function readMetrics(): string {
    const traces = replies.items.map(({ trace }) => trace);
    const facts = { stats, instances: membership.instances, ready: ready(), traces };
    return metricsText(METRICS.map((metric) => [metric, metric.samples(facts)]));
  }

  const closers: (() => void)[] = [];
  function close(): void {
    for (const closeOne of closers) closeOne();
    membership.close();
    stats.close();
    for (const connection of connections) connection.destroy();
    server.close();
    deadlines.close();
  }

  let port: number;
  let metricsPort: number | undefined;
  const adminPorts: number[] = [];
  try {
    port = await listen(server, { host: config.host, port: config.port, backlog: BACKLOG }, "--port");
    for (const address of config.admin) {
      const admin = await startAdmin(administration, address);
      closers.push(admin.close);
      adminPorts.push(admin.port);
    }
    if (config.metrics !== undefined) {
      const metrics = await startMetrics(readMetrics, config.metrics);
      closers.push(metrics.close);
      metricsPort = metrics.port;
      stats.watchLag();
    }
  } catch (error) {
    close();
    throw error;
  }

  return {
    port,
    adminPorts,
    metricsPort,
    close,
    reload() {
      try {
        reload();
      } catch (error) {
        if (!(error instanceof InvalidTables)) throw error;
        log(logLine({ reloaded: false, problems: error.problems }));
      }
    },
    async drain() {
      draining = true;
      const idle = new Promise<void>((resolve) => {
        becameIdle = resolve;
      });
      if (replies.items.length > 0) {
        const limit = deadlines.arm(config.timeouts.drainMs, () => {
          for (const reply of [...replies.items]) reply.stop.stop(new Failure("shutting_down"));
          // Whoever is still sending a request has no answer to wait for.
          deadlines.arm(FLUSH_MS, becameIdle);
        });
        await idle;
        limit.clear();
      }
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const connection of connections) connection.shutDown();
      const flushed = new Promise<void>((resolve) => deadlines.arm(FLUSH_MS, resolve));
      await Promise.race([closed, flushed]);
      close();
    },
  };
}
