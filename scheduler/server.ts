import type { ServerOpts, Socket } from "node:net";
import { ClientConnection } from "./client/connection.ts";
import { Crowd } from "./client/crowd.ts";
import { Refusals } from "./client/refusals.ts";
import type { Reply } from "./client/reply.ts";
import type { Handler, Service } from "./client/service.ts";
import { Admission } from "./completion/admission.ts";
import { generateApi, messagesApi, openAiApi } from "./completion/api.ts";
import { Backgrounds } from "./completion/backgrounds.ts";
import { completions, type Engines } from "./completion/completion.ts";
import { forwarded, model } from "./completion/forward.ts";
import { Metaserver } from "./completion/metaserver.ts";
import { Releases } from "./completion/releases.ts";
import { responsesApi, stored } from "./completion/responses.ts";
import { countFrom } from "./completion/usage.ts";
import type { ServerConfig } from "./config/config.ts";
import type { PolicyName } from "./config/flags.ts";
import { whyNotServed } from "./config/not-served.ts";
import { isToEngines, MODEL_PREFIX, type Route, routesOf } from "./config/routes.ts";
import { Bag } from "./data/bag.ts";
import { Deadlines } from "./data/deadlines.ts";
import { authorizationLine } from "./engine/request.ts";
import { Failure, toFailure } from "./errors.ts";
import type { RequestHead } from "./http/request.ts";
import type { Place } from "./instances/account.ts";
import { byPrefix, byTokens } from "./instances/affinity.ts";
import { Instance, type Roster, type Surroundings } from "./instances/instances.ts";
import { Lines } from "./instances/lines.ts";
import { byLoad } from "./instances/load.ts";
import { Picker, type Policy, roundRobin } from "./instances/policy.ts";
import { HIGH_WATER_MARK } from "./instances/pool.ts";
import { PrefixTable } from "./instances/prefix-cache.ts";
import { RetryBudget } from "./instances/retries.ts";
import { type Limits, TURNED_AWAY } from "./limits.ts";
import { listen } from "./listen.ts";
import { type LogSink, logLine } from "./log.ts";
import { listenForDecode } from "./metaserver.ts";
import { VERSION } from "./operations/metric-table.ts";
import { Stats } from "./operations/stats.ts";
import { contextIn } from "./tracing/context.ts";
import { Exporter } from "./tracing/exporter.ts";
import { randomId } from "./tracing/random-ids.ts";
import { Recording, recorderOf } from "./tracing/recording.ts";
import { spansOf } from "./tracing/spans.ts";
import { isAllowedHost } from "./trust/allowed-host.ts";
import { Gate } from "./trust/gate.ts";
import { Connector, serverFor } from "./trust/tls.ts";
import type { Trust } from "./trust/trust.ts";

/** Bursts of clients wait in the kernel for `accept`, not for a lost SYN to be sent again. */
const BACKLOG = 4096;
/** How long the last answers may take to leave once nothing works on them any more. */
const FLUSH_MS = 1000;

/** What one thread needs to serve clients; all of it can be sent to another thread. */
export interface ServerOptions extends Place {
  readonly config: ServerConfig;
  readonly limits: Limits;
  readonly roster: Roster;
  readonly shared: SharedMemory;
  /** By which all threads know passes. */
  readonly passSecret: Uint8Array;
  /** Of keys, by the place where their requests are counted. */
  readonly keyNames: readonly string[];
}

/** Memory of all threads that serve. */
export interface SharedMemory {
  /** Whose turn it is: prefill, decode. */
  readonly turns: SharedArrayBuffer;
  /** Of each thread's Stats. */
  readonly stats: readonly SharedArrayBuffer[];
  /** Which prefixes instances have, where requests go by that. */
  readonly prefixes: SharedArrayBuffer | undefined;
}

/** What a server tells those who started it. */
export interface ServerObserver {
  readonly log: LogSink;
  /** Nothing needs an instance any more that drains. */
  becameIdle(): void;
}

/** Serves clients: this thread alone, or several. */
export interface Server {
  readonly port: number;
  update(roster: Roster): void;
  /** What the files of trust have from now on. */
  renew(trust: Trust, keyNames: readonly string[]): void;
  /** Closes the connections that are kept to the instance with this id. */
  disconnect(id: number): void;
  /** Lets requests in flight finish, within the drain limit, refuses others, and resolves when all is closed. */
  drain(): Promise<void>;
  /** Closes everything now. */
  close(): void;
}

/** Listens and serves in this thread. Rejects with ListenError when it cannot. */
export async function startServer(options: ServerOptions, observer: ServerObserver): Promise<Server> {
  const { config, limits, shared, threads, thread } = options;
  const { timeouts, policy } = config;
  const deadlines = new Deadlines();
  const turn = (at: number) => new Int32Array(shared.turns, 4 * at, 1);
  const [ofPrefill, ofDecode] = policiesOf(policy);
  const retries = new RetryBudget();
  const prefill = new Picker("prefill", ofPrefill, turn(0), retries);
  const decode = new Picker("decode", ofDecode, turn(1), retries);
  const releases = new Releases(decode, deadlines, config, observer.log);
  const metaserver = config.metaserver && new Metaserver(deadlines);
  const backgrounds = new Backgrounds(deadlines, config);
  const most = ({ role, ready }: Picker) => Math.ceil((config.runningRequests[role] * ready) / threads);
  const admission = new Admission(
    deadlines,
    {
      requests: limits.requests.all,
      share: limits.requests.client,
      waitMs: timeouts.queueMs,
      noted(waiting) {
        stats.waiting = waiting;
      },
    },
    {
      get prefill() {
        return most(prefill);
      },
      get decode() {
        return most(decode);
      },
    },
  );
  const engines: Engines = {
    config,
    deadlines,
    prefill,
    decode,
    releases,
    metaserver,
    backgrounds,
    admission,
  };
  const hosts = new Set<string>();
  const connector = new Connector(config.trust.engines);
  const surroundings: Surroundings = {
    deadlines,
    connectMs: timeouts.connectMs,
    lines: new Lines(limits.lines, config.engineKeepAlive),
    connector,
    hosts,
    authorization: authorizationLine(config.engineKey),
    prefixes: shared.prefixes && new PrefixTable(shared.prefixes),
    becameIdle: observer.becameIdle,
  };

  const connections = new Set<ClientConnection>();
  const stats = new Stats(shared.stats[thread]);
  const crowd = new Crowd(limits, stats.bufferedCell);
  const refusals = new Refusals(deadlines, observer.log);
  const gate = new Gate(options.passSecret, config.engineKey === undefined);
  const { otlp, sampler } = config.tracing;
  const exporter =
    otlp && new Exporter(otlp, VERSION, (...counts) => stats.countSpans(...counts), observer.log);
  const keeping = { isExported: exporter !== undefined, sampler };
  const replies = new Bag<Reply>();
  let draining = false;
  let becameIdle = () => {};
  let closeMetaserver = () => {};

  const ready = () => !draining && prefill.anyReady && decode.anyReady;
  const routeOf = routesOf(config.api);
  const handlers: Record<Route["serves"], Handler> = {
    completion: completions(engines, config.api === "openai" ? openAiApi(config.servedModels) : generateApi),
    message: completions(engines, messagesApi(config.servedModels)),
    response: completions(engines, responsesApi(config.servedModels)),
    stored: stored(engines),
    forwarded: forwarded(engines),
    model: model(engines, MODEL_PREFIX),
    liveness: (_, reply) => tellState(reply, true),
    readiness: (_, reply) => tellState(reply, ready()),
  };

  function tellState(reply: Reply, isWell: boolean): void {
    const state = { ready: ready(), draining, prefill: prefill.ready, decode: decode.ready };
    reply.send(isWell ? 200 : 503, [Buffer.from(JSON.stringify(state))]);
  }

  const service: Service = {
    deadlines,
    limits: { ...timeouts, maxBodyBytes: config.maxBodyBytes },
    totals: stats,
    budget: crowd.budget,
    admit(head, reply) {
      const route = routeOf(head.path);
      if (route !== undefined && !isToEngines(route)) return head;
      if (!isAllowedHost(head.fields, config.allowedHosts)) throw new Failure("host_not_allowed");
      const holder = gate.holder(head.fields);
      if (holder !== undefined) {
        reply.trace.key = holder.name;
        reply.party = holder.party;
      }
      const fields = gate.counting(head.fields, holder);
      reply.trace.recorder = recorderOf(holder?.trusted ? contextIn(fields) : undefined, keeping);
      return fields === head.fields ? head : { ...head, fields };
    },
    route({ path, method }: RequestHead) {
      const route = routeOf(path);
      if (route === undefined) {
        const why = whyNotServed(path);
        throw new Failure(
          "not_found",
          why === undefined ? {} : { message: `This path is not served here. ${why}` },
        );
      }
      if (!route.methods.includes(method)) {
        throw new Failure("method_not_allowed", { allow: route.methods.join(", ") });
      }
      if (draining && isToEngines(route)) throw new Failure("shutting_down");
      return handlers[route.serves];
    },
    began(reply) {
      reply.errorForm = routeOf(reply.trace.path)?.errorForm ?? "openai";
      if (draining) reply.close = true;
      replies.add(reply);
      stats.inFlight = replies.items.length;
    },
    ended(reply) {
      replies.remove(reply);
      stats.inFlight = replies.items.length;
      const { trace } = reply;
      trace.mark("total");
      const route = routeOf(trace.path);
      countFrom(trace);
      stats.ended(route?.path ?? "other", trace);
      if (exporter !== undefined && trace.recorder instanceof Recording) {
        const asked = { route: route?.path ?? "other", model: config.servedModels[0] };
        exporter.add(spansOf(trace, trace.recorder, asked, () => randomId(8)));
      }
      if (trace.outcome !== "ok" || (route !== undefined && isToEngines(route))) observer.log(logLine(trace));
      if (replies.items.length === 0) becameIdle();
    },
  };

  const socketOptions: ServerOpts = { allowHalfOpen: true, noDelay: true, highWaterMark: HIGH_WATER_MARK };
  const { server, ...clients } = serverFor(config.trust.clients, socketOptions, timeouts.requestHeadMs, {
    enters,
    connected(socket) {
      const client = crowd.at(socket.remoteAddress);
      if (client === undefined) return void socket.destroy();
      const connection = new ClientConnection(socket, service, client);
      connections.add(connection);
      socket.once("close", () => connections.delete(connection));
    },
  });
  server.maxConnections = limits.connections.all + TURNED_AWAY;
  server.on("drop", () => {
    stats.refuse();
    refusals.count("no room for more connections");
  });

  /** Whether there is room for it. */
  function enters(socket: Socket): boolean {
    try {
      const leave = crowd.enter(socket.remoteAddress ?? "");
      socket.once("close", () => {
        leave();
        stats.connections = crowd.connections;
      });
      return true;
    } catch (error) {
      stats.refuse();
      const failure = toFailure(error);
      if (config.trust.clients === undefined) refusals.turnAway(socket, failure);
      else refusals.drop(socket, failure);
      return false;
    } finally {
      stats.connections = crowd.connections;
    }
  }

  function instances(): readonly Instance[] {
    return [...prefill.instances, ...decode.instances];
  }

  function update(roster: Roster): void {
    for (const host of roster.hosts) hosts.add(host);
    const before = instances();
    for (const picker of [prefill, decode]) {
      picker.instances = roster.members
        .filter(({ role }) => role === picker.role)
        .map((member) => {
          const known = before.find(({ id }) => id === member.id);
          const instance = known ?? new Instance(member, options, surroundings);
          instance.name = member.name;
          return instance;
        });
    }
    const now = instances();
    for (const instance of before) if (!now.includes(instance)) instance.pool.end();
  }

  function renew({ keys, clients: pem, engines }: Trust, keyNames: readonly string[]): void {
    clients.renew(pem);
    connector.renew(engines);
    stats.keyNames = keyNames;
    gate.renew(keys);
  }

  function close(): void {
    stats.close();
    releases.close();
    closeMetaserver();
    backgrounds.close();
    for (const { pool } of instances()) pool.close();
    for (const connection of connections) connection.destroy();
    clients.dropPending();
    server.close();
    deadlines.close();
  }

  update(options.roster);
  renew(config.trust, options.keyNames);
  const { host, port } = config;
  const reusePort = threads > 1;
  const where = { host, port, backlog: BACKLOG, reusePort };
  let listening: number;
  try {
    if (metaserver !== undefined && config.metaserver !== undefined)
      closeMetaserver = await listenForDecode(metaserver, config.metaserver, thread, {
        deadlines,
        budget: crowd.budget,
        clients: limits.connections.all,
        log: observer.log,
      });
    listening = await listen(server, where, "--port");
  } catch (error) {
    close();
    throw error;
  }
  if (config.metrics !== undefined) stats.watchLag();

  return {
    port: listening,
    update,
    renew,
    disconnect(id) {
      instances()
        .find((instance) => instance.id === id)
        ?.pool.close();
    },
    async drain() {
      draining = true;
      const idle = new Promise<void>((resolve) => {
        becameIdle = resolve;
      });
      if (replies.items.length > 0) {
        const limit = deadlines.arm(timeouts.drainMs, () => {
          for (const connection of connections) connection.stop(new Failure("shutting_down"));
        });
        await idle;
        limit.clear();
      }
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const connection of connections) connection.shutDown();
      const flushed = new Promise<void>((resolve) => deadlines.arm(FLUSH_MS, resolve));
      await Promise.all([Promise.race([closed, flushed]), exporter?.close()]);
      close();
    },
    close,
  };
}

/** For prefill and decode. */
function policiesOf(name: PolicyName): readonly [Policy, Policy] {
  if (name === "affinity") return [byPrefix("prefill"), byPrefix("decode")];
  return [name === "RoundRobin" ? roundRobin : byLoad(name), byTokens("decode")];
}
