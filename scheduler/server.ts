import { createServer, type ServerOpts } from "node:net";
import { generateApi, openAiApi } from "./api.ts";
import { completions, type Engines, models } from "./completion.ts";
import type { Config, PolicyName } from "./config.ts";
import { ClientConnection, type Handler, type Service } from "./connection.ts";
import { Deadlines } from "./deadlines.ts";
import { Failure } from "./errors.ts";
import type { RequestHead } from "./http/request.ts";
import { type Instance, makeInstances } from "./instances.ts";
import { byLoad, fewestWaiting, mostFreeKv } from "./load.ts";
import { type LogSink, logLine, markPhase } from "./log.ts";
import { type Cost, leastInFlight, Picker, roundRobin } from "./policy.ts";
import { HIGH_WATER_MARK } from "./pool.ts";
import type { Reply } from "./reply.ts";
import { Watch } from "./watch.ts";

/** Bursts of clients wait in the kernel for `accept`, not for a lost SYN to be sent again. */
const BACKLOG = 4096;
/** How long the last answers may take to leave once nothing works on them any more. */
const FLUSH_MS = 1000;

interface Route {
  readonly methods: readonly string[];
  readonly handler: Handler;
  /** Whether it goes to the engines: refused while draining, and in the log. */
  readonly toEngines: boolean;
}

export interface Scheduler {
  readonly port: number;
  /** Lets requests in flight finish, within the drain limit, refuses others, and resolves when all is closed. */
  drain(): Promise<void>;
  /** Closes everything now. */
  close(): void;
}

/** Listens and serves. Rejects with the listen error when the port cannot be had. */
export async function startScheduler(config: Config, log: LogSink): Promise<Scheduler> {
  const deadlines = new Deadlines();
  const { connectMs } = config.timeouts;
  const prefillInstances = makeInstances("prefill", config.endpoints.prefill, deadlines, connectMs);
  const decodeInstances = makeInstances("decode", config.endpoints.decode, deadlines, connectMs);
  const prefill = new Picker(prefillInstances, costOf(config.policy, prefillInstances));
  const decode = new Picker(decodeInstances, leastInFlight);
  const instances = [...prefillInstances, ...decodeInstances];
  const engines: Engines = { config, deadlines, prefill, decode };

  const connections = new Set<ClientConnection>();
  const replies = new Set<Reply>();
  let draining = false;
  let becameIdle = () => {};

  const isReady = () => !draining && prefill.anyHealthy && decode.anyHealthy;
  const api = config.api === "openai" ? openAiApi(config.servedModels) : generateApi;
  const handler = completions(engines, api);
  const routes = new Map<string, Route>([
    ...api.paths.map((path) => [path, { methods: ["POST"], handler, toEngines: true }] as const),
    ["/v1/models", { methods: ["GET", "HEAD"], handler: models(engines), toEngines: true }],
    ["/health", answer(() => true)],
    ["/livez", answer(() => true)],
    ["/readyz", answer(isReady)],
  ]);

  if (config.api !== "openai") routes.delete("/v1/models");

  function answer(isWell: () => boolean): Route {
    const count = (picker: Picker) => picker.instances.filter(({ healthy }) => healthy).length;
    return {
      methods: ["GET", "HEAD"],
      toEngines: false,
      handler: (_, reply) => {
        const state = { ready: isReady(), draining, prefill: count(prefill), decode: count(decode) };
        reply.send(isWell() ? 200 : 503, [Buffer.from(JSON.stringify(state))]);
      },
    };
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
      if (draining && route.toEngines) throw new Failure("shutting_down");
      return route.handler;
    },
    began(reply) {
      if (draining) reply.close = true;
      replies.add(reply);
    },
    ended(reply) {
      replies.delete(reply);
      const { startedAt, ...entry } = reply.trace;
      markPhase(reply.trace, "total");
      if (entry.outcome !== "ok" || routes.get(entry.path)?.toEngines === true) log(logLine(entry));
      if (replies.size === 0) becameIdle();
    },
  };

  const options: ServerOpts = { allowHalfOpen: true, noDelay: true, highWaterMark: HIGH_WATER_MARK };
  const server = createServer(options, (socket) => {
    const connection = new ClientConnection(socket, service);
    connections.add(connection);
    socket.once("close", () => connections.delete(connection));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: config.host, port: config.port, backlog: BACKLOG }, resolve);
  });
  const watch = new Watch(deadlines, config.health, {
    healthChanged: ({ name, healthy, pool }) =>
      log(logLine({ instance: name, address: pool.authority, healthy })),
    loadLost: ({ name }) =>
      log(logLine({ instance: name, warning: "no /metrics: requests in flight decide" })),
  });
  for (const instance of instances) watch.health(instance);
  if (config.policy !== "RoundRobin") for (const instance of prefillInstances) watch.load(instance);
  const address = server.address();

  function close(): void {
    watch.end();
    for (const { pool } of instances) pool.close();
    for (const connection of connections) connection.destroy();
    server.close();
    deadlines.close();
  }

  return {
    port: typeof address === "object" && address !== null ? address.port : config.port,
    close,
    async drain() {
      draining = true;
      const idle = new Promise<void>((resolve) => {
        becameIdle = resolve;
      });
      if (replies.size > 0) {
        const limit = deadlines.arm(config.timeouts.drainMs, () => {
          for (const reply of replies) reply.stop.stop(new Failure("shutting_down"));
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

function costOf(policy: PolicyName, instances: readonly Instance[]): Cost {
  switch (policy) {
    case "RoundRobin":
      return roundRobin;
    case "BLB":
      return byLoad(instances, fewestWaiting);
    case "FreeKVFirst":
      return byLoad(instances, mostFreeKv);
  }
}
