import { nearest } from "../../problems/nearest.ts";
import type { Config } from "../config/config.ts";
import { authority, type Endpoint, type Endpoints, type NamedEndpoint } from "../config/endpoints.ts";
import type { Deadlines } from "../data/deadlines.ts";
import { authorizationLine } from "../engine/request.ts";
import { Account } from "../instances/account.ts";
import { Instance, type Role, type Roster, type Surroundings } from "../instances/instances.ts";
import { Lines } from "../instances/lines.ts";
import { PAIR } from "../instances/pairs.ts";
import type { PrefixTable } from "../instances/prefix-cache.ts";
import { type LogSink, logLine } from "../log.ts";
import type { Connector } from "../trust/tls.ts";
import { nameOf, nextName, rankPart, serverOf } from "./names.ts";
import { type Trial, Watch } from "./watch.ts";
import { type DrainResult, type JoinResult, MembershipError, type ReloadResult } from "./wishes.ts";

/** Told what those who send requests to instances have to know. */
export interface RosterObserver {
  changed(roster: Roster): void;
  /** Nothing needs the instance any more: connections to it that are kept would be dead when it is started anew. */
  drained(instance: Instance): void;
  /** Another process may stand behind its address: nothing that was found out about it counts. */
  renewed(instance: Instance): void;
  /** Which instances there are, or how one is, has changed, and nobody has heard of it yet. */
  changing(): void;
}

/** Which instances there are and which of them get requests. */
export class Membership {
  readonly #deadlines: Deadlines;
  readonly #surroundings: Surroundings;
  readonly #threads: number;
  /** Whether a pair serves not before a canary. */
  readonly #isGuarded: boolean;
  readonly #log: LogSink;
  readonly #observer: RosterObserver;
  readonly #watch: Watch;
  /** Prefill instances, then decode instances. Never changed, only replaced. */
  #instances: readonly Instance[] = [];
  /** Instances that are not in the rank table any more, but still needed. */
  readonly #leaving = new Set<Instance>();
  /** All that there are, also those that are not among `#instances` yet. */
  readonly #placed = new Set<Instance>();
  readonly #hosts = new Set<string>();
  readonly #waiters = new Set<() => void>();
  #made = 0;

  /** `prefixes`: there where requests go by prefix caches. */
  constructor(
    config: Config,
    deadlines: Deadlines,
    connector: Connector,
    log: LogSink,
    observer: RosterObserver,
    prefixes: PrefixTable | undefined,
  ) {
    const { policy, health, timeouts, handoff, servedModels, engineKey, asksForSources } = config;
    this.#deadlines = deadlines;
    this.#surroundings = {
      deadlines,
      connectMs: timeouts.connectMs,
      // Health checks have files kept back for them.
      lines: new Lines(),
      connector,
      hosts: this.#hosts,
      authorization: authorizationLine(engineKey),
      prefixes,
      becameIdle: () => this.recheck(),
    };
    this.#threads = config.workers;
    this.#isGuarded = config.canaryMs > 0;
    this.#log = log;
    this.#observer = observer;
    const limits = { ...health, stallMs: timeouts.stallMs, asksForSources };
    // With a plain handoff decode waits for what prefill has computed: alone it cannot be tried.
    const probe = handoff === "plain" ? undefined : { model: servedModels[0] };
    const loadPolicy = policy === "RoundRobin" || policy === "affinity" ? undefined : policy;
    this.#watch = new Watch(deadlines, limits, loadPolicy, probe, {
      healthChanged: (instance) => {
        this.#say(instance, { address: instance.pool.authority, healthy: instance.healthy });
        if (!instance.healthy) this.#renew(instance);
        this.recheck();
      },
      stalledChanged: (instance) => {
        this.#say(instance, { stalled: instance.stalled });
        this.recheck();
      },
      promptsChanged: (instance) => {
        const { computesPrompts, transferShare } = instance;
        this.#say(instance, { computesPrompts, transferShare: Math.round(1000 * transferShare) / 1000 });
      },
      shortChanged: (why) => log(logLine({ watching: why === undefined, ...(why && { why }) })),
      loadChanged: (instance, problem) => {
        const [way, otherwise] =
          policy === "affinity"
            ? ["affinity knows the prefix cache", "affinity guesses what the prefix cache holds"]
            : [`${policy} compares by load`, "requests in flight decide"];
        this.#say(instance, { routing: problem === undefined ? way : `${otherwise}: ${problem}` });
      },
    });
    this.reload(config.endpoints);
  }

  get instances(): readonly Instance[] {
    return this.#instances;
  }

  get roster(): Roster {
    return { members: this.#instances.map(({ member }) => member), hosts: [...this.#hosts] };
  }

  get ready(): boolean {
    const isReady = (role: Role) => this.#of(role).some(({ ready }) => ready);
    return isReady("prefill") && isReady("decode");
  }

  isLeaving(instance: Instance): boolean {
    return this.#leaving.has(instance);
  }

  /** The last time that an instance was tried because it seemed to stand still. */
  trialOf(instance: Instance): Trial | undefined {
    return this.#watch.trialOf(instance);
  }

  /** Those of the other role whose pairs with it have failed their last canary. */
  quarantinedFor(instance: Instance): readonly Instance[] {
    const others = this.#instances.filter(({ role }) => role !== instance.role);
    return others.filter((other) => {
      const [prefill, decode] = instance.role === "prefill" ? [instance, other] : [other, instance];
      return decode.pairs.at(prefill.place) === PAIR.quarantined;
    });
  }

  /** What an operator is told of each instance. */
  get states(): readonly object[] {
    return this.#instances.map((instance) => {
      const { name, role, pool, ready, healthy, stalled, broken, unproven, draining } = instance;
      const { inFlight, kvHeld, kvAbandoned, served, load, transferShare, computesPrompts } = instance;
      return {
        name,
        role,
        address: pool.authority,
        ready,
        healthy,
        stalled,
        broken,
        unproven,
        quarantined: this.quarantinedFor(instance).map((other) => other.name),
        draining,
        leaving: this.#leaving.has(instance),
        inFlight,
        kvHeld,
        kvAbandoned,
        served,
        failures: instance.failures,
        load: load ?? null,
        transferShare: Number.isNaN(transferShare) ? null : transferShare,
        computesPrompts,
      };
    });
  }

  /**
   * Sends an instance, with all its ranks, nothing new and waits until nothing needs it, `ms` at most. It stays so until it
   * is joined. Throws MembershipError for an unknown one, and without `force` for the last ready one of its role.
   */
  async drain(name: string, ms: number, force: boolean): Promise<DrainResult> {
    const found = this.#find(name);
    const [{ role }] = found;
    const others = this.#of(role).filter((other) => !found.includes(other));
    const isReady = found.some(({ ready }) => ready);
    if (isReady && !others.some(({ ready }) => ready) && !force) {
      throw new MembershipError(
        "conflict",
        `${nameOf(found)} is the last ${role} instance that gets requests`,
        "join another one first, or force it: requests are then answered 503",
      );
    }
    for (const instance of found) {
      if (!instance.draining) this.#say(instance, { state: "draining" });
      instance.draining = true;
    }
    this.recheck();
    const isJoined = () => found.some(({ draining }) => !draining);
    const isIdle = () => found.every(({ idle }) => idle);
    await this.#until(ms, () => isJoined() || isIdle());
    const drained = !isJoined() && isIdle();
    if (drained) for (const instance of found) this.#observer.drained(instance);
    const ended = drained ? "idle" : isJoined() ? "joined" : "deadline";
    const sum = (of: "inFlight" | "kvHeld") => found.reduce((total, one) => total + one[of], 0);
    return { instance: nameOf(found), drained, ended, inFlight: sum("inFlight"), kvHeld: sum("kvHeld") };
  }

  /**
   * Lets a drained instance have requests again as soon as it has answered a health check, and waits for that, `ms`
   * at most. Throws MembershipError for an unknown one.
   */
  async join(name: string, ms: number): Promise<JoinResult> {
    const found = this.#find(name);
    if (found.some((instance) => this.#leaving.has(instance))) {
      throw new MembershipError(
        "conflict",
        `${nameOf(found)} is leaving: the rank table has it no more`,
        "put it back into the rank table and reload",
      );
    }
    for (const instance of found) {
      if (!instance.draining) continue;
      // What it last answered may have been said by the process before.
      instance.healthy = false;
      instance.stalled = false;
      instance.draining = false;
      this.#renew(instance);
      this.#say(instance, { state: "joining" });
    }
    this.recheck();
    const isDraining = () => found.some(({ draining }) => draining);
    const isReady = () => found.every(({ ready }) => ready);
    await this.#until(ms, () => isDraining() || isReady());
    const joined = isReady();
    const ended = joined ? "healthy" : isDraining() ? "draining" : "deadline";
    return { instance: nameOf(found), joined, ended };
  }

  /**
   * Makes `endpoints` the instances: known ones, by role and address, stay as they are but for their names, new ones join
   * when healthy, others drain and go.
   */
  reload(endpoints: Endpoints): ReloadResult {
    const given = new Map<Instance, string>();
    const results = [
      this.#replacement("prefill", endpoints.prefill, given),
      this.#replacement("decode", endpoints.decode, given),
    ];
    const all = (list: "added" | "leaving" | "kept") => results.flatMap((result) => result[list]);
    this.#rename(given, [...all("kept"), ...all("leaving"), ...all("added")]);
    for (const instance of all("leaving")) {
      if (!this.#leaving.has(instance)) this.#say(instance, { state: "leaving" });
      this.#leaving.add(instance);
    }
    this.#replace(results.flatMap(({ kept, added, leaving }) => [...kept, ...added, ...leaving]));
    this.recheck();
    const names = (list: "added" | "leaving" | "kept") => all(list).map(({ name }) => name);
    return { added: names("added"), leaving: names("leaving"), kept: names("kept") };
  }

  /** Something has changed that a wait, or an instance that leaves, may have waited for. */
  recheck(): void {
    this.#observer.changing();
    for (const instance of this.#leaving) {
      const isReplaced = this.#of(instance.role).some((other) => other.ready && !this.#leaving.has(other));
      if (isReplaced || !instance.healthy || instance.stalled || instance.broken) instance.draining = true;
      if (instance.draining && instance.idle) this.#remove(instance);
    }
    for (const check of this.#waiters) check();
  }

  /** What a thread that has died had running is not running any more. */
  takeOut(thread: number): void {
    for (const instance of this.#instances) instance.takeOut(thread);
    this.recheck();
  }

  close(): void {
    this.#watch.end();
  }

  /** `given` is told of those whose names are. */
  #replacement(
    role: Role,
    endpoints: readonly NamedEndpoint[],
    given: Map<Instance, string>,
  ): Record<"added" | "leaving" | "kept", readonly Instance[]> {
    const before = this.#of(role);
    const added: Instance[] = [];
    const kept: Instance[] = [];
    const servers = [...new Set(endpoints.map(authority))];
    for (const { name, npus: _, ...endpoint } of endpoints) {
      const known = before.find(
        ({ pool: { host, port }, rank }) =>
          host === endpoint.host && port === endpoint.port && rank === endpoint.rank,
      );
      const rank = rankPart(endpoint);
      const place = `${role}-${servers.indexOf(authority(endpoint))}`;
      const instance = known ?? this.#make(role, `${name ?? place}${rank}`, endpoint);
      (known === undefined ? added : kept).push(instance);
      if (name !== undefined) given.set(instance, `${name}${rank}`);
    }
    for (const instance of kept) {
      // One that had begun to leave and is wanted again.
      if (this.#leaving.delete(instance)) instance.draining = false;
    }
    return { added, kept, leaving: before.filter((instance) => !kept.includes(instance)) };
  }

  /** Who is given a name has it; whoever else is called so gets the next one that nobody has. */
  #rename(given: ReadonlyMap<Instance, string>, all: readonly Instance[]): void {
    const taken = new Set(given.values());
    for (const instance of all) {
      let name = given.get(instance) ?? instance.name;
      while (!given.has(instance) && taken.has(name))
        name = nextName(serverOf(instance, name)) + rankPart(instance);
      taken.add(name);
      if (name === instance.name) continue;
      this.#say(instance, { renamed: name });
      instance.name = name;
    }
  }

  #make(role: Role, name: string, endpoint: Endpoint): Instance {
    const threads = this.#threads;
    const memory = Account.allocate(threads);
    const member = { role, name, id: this.#made++, place: this.#freePlace(role), memory, ...endpoint };
    this.#hosts.add(endpoint.host.toLowerCase());
    const instance = new Instance(member, { threads, thread: 0 }, this.#surroundings);
    this.#placed.add(instance);
    this.#renew(instance);
    this.#watch.add(instance);
    return instance;
  }

  /** None of its pairs serves before a canary. */
  #renew(instance: Instance): void {
    this.#observer.renewed(instance);
    instance.broken = false;
    if (!this.#isGuarded) return;
    instance.unproven = true;
    if (instance.role === "decode") instance.pairs.setAll(PAIR.untried);
    else
      for (const { role, pairs } of this.#placed)
        if (role === "decode") pairs.set(instance.place, PAIR.untried);
  }

  #freePlace(role: Role): number {
    const taken = new Set([...this.#placed].filter((one) => one.role === role).map(({ place }) => place));
    let place = 0;
    while (taken.has(place)) place++;
    return place;
  }

  #remove(instance: Instance): void {
    this.#leaving.delete(instance);
    this.#placed.delete(instance);
    this.#replace(this.#instances.filter((other) => other !== instance));
    this.#watch.forget(instance);
    this.#say(instance, { state: "left" });
  }

  #replace(instances: readonly Instance[]): void {
    this.#instances = instances;
    this.#observer.changed(this.roster);
  }

  #until(ms: number, met: () => boolean): Promise<void> {
    if (met()) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        this.#waiters.delete(check);
        limit.clear();
        resolve();
      };
      const check = () => {
        if (met()) done();
      };
      const limit = this.#deadlines.arm(ms, done);
      this.#waiters.add(check);
    });
  }

  #of(role: Role): Instance[] {
    return this.#instances.filter((instance) => instance.role === role);
  }

  /** By its name or its address, which all its ranks have, or that of one rank. */
  #find(wanted: string): [Instance, ...Instance[]] {
    const [first, ...others] = this.#instances.filter(
      (one) => one.name === wanted || serverOf(one) === wanted || one.pool.authority === wanted,
    );
    if (first !== undefined) return [first, ...others];
    const names = this.#instances.map(({ name }) => name);
    const near = nearest(wanted, names);
    const fix = near === undefined ? `name one of ${names.join(", ")}` : `did you mean ${near}?`;
    throw new MembershipError("unknown", `there is no instance ${wanted}`, fix);
  }

  #say({ name }: Instance, facts: object): void {
    this.#log(logLine({ instance: name, ...facts }));
  }
}
