import { randomBytes } from "node:crypto";
import { Feed } from "../page/feed.ts";
import { Breakers } from "./canary/breakers.ts";
import { Canaries } from "./canary/canaries.ts";
import type { Config } from "./config/config.ts";
import { InvalidTables } from "./config/endpoints.ts";
import { Deadlines } from "./data/deadlines.ts";
import { PrefixTable, TABLE_BUCKETS } from "./instances/prefix-cache.ts";
import { limitsOf, openFilesLimit } from "./limits.ts";
import { type LogSink, logLine } from "./log.ts";
import { Membership, type RosterObserver } from "./membership/membership.ts";
import type { ReloadResult } from "./membership/wishes.ts";
import { type Administration, startAdmin } from "./operations/admin.ts";
import { METRICS, VERSION } from "./operations/metric-table.ts";
import { metricsText } from "./operations/metrics.ts";
import { startMetrics } from "./operations/metrics-server.ts";
import { Stats } from "./operations/stats.ts";
import { startPage } from "./page/page-server.ts";
import { Recent } from "./page/recent.ts";
import { lookingAt, npusIn } from "./page/source.ts";
import { type Server, startServer } from "./server.ts";
import { startThreads } from "./threads.ts";
import { makePass, PASS_SECONDS } from "./trust/pass.ts";
import { Renewal } from "./trust/renewal.ts";
import { Connector } from "./trust/tls.ts";

export interface Scheduler {
  readonly port: number;
  /** In the order of `config.admin`; 0 for a socket. */
  readonly adminPorts: readonly number[];
  readonly metricsPort: number | undefined;
  readonly pagePort: number | undefined;
  /** Reads the rank tables and NODE_PORTS again; what is wrong there is logged and changes nothing. */
  reload(): void;
  /** Lets requests in flight finish, within the drain limit, refuses others, and resolves when all is closed. */
  drain(): Promise<void>;
  /** Closes everything now. */
  close(): void;
}

/**
 * Watches the instances, serves operators and monitors, and has clients served: in this thread, or with
 * more `config.workers` than one in as many others, which run `program`. Rejects with ListenError when it cannot
 * listen.
 */
export async function startScheduler(config: Config, sink: LogSink, program: URL): Promise<Scheduler> {
  const startedAt = Date.now();
  const recent = new Recent();
  const log = recent.hearing(sink);
  const threads = config.workers;
  const deadlines = new Deadlines();
  const stats = Array.from({ length: threads }, () => new Stats());
  let server: Server | undefined;
  let canaries: Canaries | undefined;
  let draining = false;
  let workerDeaths = 0;
  const connector = new Connector(config.trust.engines);
  const prefixes = config.policy === "affinity" ? PrefixTable.allocate(TABLE_BUCKETS) : undefined;
  const rosterObserver: RosterObserver = {
    changed: (roster) => server?.update(roster),
    drained: ({ id }) => server?.disconnect(id),
    renewed: (instance) => canaries?.renewed(instance),
    changing: () => void canaries?.prove(),
  };
  const table = prefixes && new PrefixTable(prefixes);
  const membership = new Membership(config, deadlines, connector, log, rosterObserver, table);
  if (config.canaryMs > 0) canaries = new Canaries(config, deadlines, membership, log);
  const breakers = new Breakers(config, deadlines, membership, log);
  const passSecret = randomBytes(32);
  const renewal = new Renewal(config.trustFiles, config.trust, log, (trust) => {
    connector.renew(trust.engines);
    server?.renew(trust, [...renewal.names]);
  });
  const ready = () => !draining && membership.ready;

  let { endpoints } = config;
  const feed = new Feed(
    lookingAt({
      deadlines,
      instances: () => membership.instances,
      stats: () => Stats.sum(stats),
      facts: () => ({
        startedAt,
        version: VERSION,
        models: config.servedModels,
        policy: config.policy,
        handoff: config.handoff,
        state: draining ? "stopping" : membership.ready ? "ready" : "not ready",
        isLeaving: (instance) => membership.isLeaving(instance),
        trialOf: (instance) => membership.trialOf(instance),
        quarantinedFor: (instance) => membership.quarantinedFor(instance),
        npusOf: npusIn(endpoints),
        events: recent.events,
      }),
    }),
  );

  const administration: Administration = {
    feed,
    membership,
    deadlineMs: config.timeouts.drainMs,
    reload,
    pass() {
      const until = Date.now() + 1000 * PASS_SECONDS;
      const key = renewal.trust.keys === undefined ? null : makePass(passSecret, until);
      return { key, seconds: PASS_SECONDS };
    },
    state: () => ({
      ready: ready(),
      draining,
      requests: Stats.sum(stats).inFlight,
      instances: membership.states,
    }),
  };

  /** Throws InvalidTables. */
  function reload(nodePorts?: string): ReloadResult {
    renewal.look();
    const read = config.readEndpoints(nodePorts);
    const result = membership.reload(read);
    endpoints = read;
    log(logLine({ reloaded: true, ...result }));
    return result;
  }

  function readMetrics(): string {
    const { instances } = membership;
    const facts = {
      stats: Stats.sum(stats),
      instances,
      ready: ready(),
      workerDeaths,
      keyNames: renewal.names,
    };
    return metricsText(METRICS.map((metric) => [metric, metric.samples(facts)]));
  }

  const closers: (() => void)[] = [];
  function close(): void {
    for (const closeOne of closers) closeOne();
    feed.close();
    server?.close();
    canaries?.close();
    breakers.close();
    membership.close();
    renewal.close();
    deadlines.close();
  }

  let port: number;
  let metricsPort: number | undefined;
  let pagePort: number | undefined;
  const adminPorts: number[] = [];
  try {
    const { readEndpoints: _, page: pageAddress, ...serverConfig } = { ...config, trust: renewal.trust };
    const shared = { turns: new SharedArrayBuffer(8), stats: stats.map(({ memory }) => memory), prefixes };
    const limits = limitsOf(config, openFilesLimit());
    const clients = threads * limits.connections.all;
    if (clients < config.maxConnections / 2) {
      const why = `this process may have ${openFilesLimit()} files open, some of which are for engines and health checks`;
      log(logLine({ maxConnections: clients, why }));
    }
    const options = {
      config: serverConfig,
      threads,
      shared,
      limits,
      roster: membership.roster,
      passSecret,
      keyNames: [...renewal.names],
    };
    const observer = { log, becameIdle: () => membership.recheck() };
    server =
      threads === 1
        ? await startServer({ ...options, thread: 0 }, observer)
        : await startThreads(options, program, {
            ...observer,
            died(thread) {
              workerDeaths++;
              const its = stats[thread];
              its?.forget();
              membership.takeOut(thread);
            },
          });
    // What has changed meanwhile.
    server.update(membership.roster);
    server.renew(renewal.trust, [...renewal.names]);
    port = server.port;
    for (const address of config.admin) {
      const admin = await startAdmin(administration, address);
      closers.push(admin.close);
      adminPorts.push(admin.port);
    }
    if (config.metrics !== undefined) {
      const metrics = await startMetrics(readMetrics, config.metrics);
      closers.push(metrics.close);
      metricsPort = metrics.port;
    }
    if (pageAddress !== undefined) {
      const page = await startPage(feed, pageAddress);
      closers.push(page.close);
      pagePort = page.port;
    }
  } catch (error) {
    close();
    throw error;
  }
  const serving = server;

  return {
    port,
    adminPorts,
    metricsPort,
    pagePort,
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
      await serving.drain();
      close();
    },
  };
}
