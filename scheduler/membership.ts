import type { Config } from "./config.ts";
import type { Deadlines } from "./deadlines.ts";
import type { Endpoints } from "./endpoints.ts";
import { type Endpoint, type Instance, isIdle, isReady, makeInstance, type Role } from "./instances.ts";
import { byLoad } from "./load.ts";
import { type LogSink, logLine } from "./log.ts";
import { leastInFlight, Picker, roundRobin } from "./policy.ts";
import { Watch } from "./watch.ts";

/** Why an operator's wish is not done. */
export class MembershipError extends Error {
  readonly kind: "unknown" | "conflict";
  readonly fix: string;

  constructor(kind: "unknown" | "conflict", message: string, fix: string) {
    super(message);
    this.kind = kind;
    this.fix = fix;
  }
}

export interface DrainResult {
  readonly instance: string;
  /** Whether nothing needs the instance any more, and it still gets nothing new. */
  readonly drained: boolean;
  /** Why it returned: nothing was left, time was up, or another wish put the instance back. */
  readonly ended: "idle" | "deadline" | "joined";
  readonly inFlight: number;
  readonly kvHeld: number;
}

export interface JoinResult {
  readonly instance: string;
  /** Whether the instance gets requests. If not yet, it will as soon as it answers its health check. */
  readonly joined: boolean;
  readonly ended: "healthy" | "deadline" | "draining";
}

export interface ReloadResult {
  readonly added: readonly string[];
  /** They leave when nothing needs them any more and, if they were the last of a role, another one is ready. */
  readonly leaving: readonly string[];
  readonly kept: readonly string[];
}

/** Which instances there are and which of them get requests. */
export class Membership {
  readonly prefill: Picker;
  readonly decode: Picker;
  readonly #deadlines: Deadlines;
  readonly #connectMs: number;
  readonly #log: LogSink;
  readonly #watch: Watch;
  /** Instances that are not in the rank table any more, but still needed. */
  readonly #leaving = new Set<Instance>();
  /** Of all instances that there ever were: an engine may still name one that has left. */
  readonly #hosts = new Set<string>();
  readonly #waiters = new Set<() => void>();

  constructor(config: Config, deadlines: Deadlines, log: LogSink) {
    const { policy, health, timeouts, handoff, servedModels } = config;
    this.#deadlines = deadlines;
    this.#connectMs = timeouts.connectMs;
    this.#log = log;
    const loadPolicy = policy === "RoundRobin" ? undefined : policy;
    this.prefill = new Picker("prefill", loadPolicy === undefined ? roundRobin : byLoad(loadPolicy));
    this.decode = new Picker("decode", leastInFlight);
    const limits = { ...health, stallMs: timeouts.stallMs };
    // With a plain handoff decode waits for what prefill has computed: alone it cannot be tried.
    const probe = handoff === "plain" ? undefined : { model: servedModels[0] };
    this.#watch = new Watch(deadlines, limits, loadPolicy, probe, {
      healthChanged: (instance) => {
        this.#say(instance, { address: instance.pool.authority, healthy: instance.healthy });
        this.#changed();
      },
      stalledChanged: (instance) => {
        this.#say(instance, { stalled: instance.stalled });
        this.#changed();
      },
      loadChanged: (instance) => {
        const { loadProblem: problem } = instance;
        const way = `${policy} compares by load`;
        this.#say(instance, {
          routing: problem === undefined ? way : `requests in flight decide: ${problem}`,
        });
      },
    });
    this.reload(config.endpoints);
  }

  get instances(): readonly Instance[] {
    return [...this.prefill.instances, ...this.decode.instances];
  }

  get ready(): boolean {
    return this.prefill.anyReady && this.decode.anyReady;
  }

  /** What an operator is told of each instance. */
  get states(): readonly object[] {
    return this.instances.map((instance) => {
      const { name, role, pool, healthy, stalled, draining, inFlight, kvHeld, kvAbandoned, served, load } =
        instance;
      return {
        name,
        role,
        address: pool.authority,
        ready: isReady(instance),
        healthy,
        stalled,
        draining,
        leaving: this.#leaving.has(instance),
        inFlight,
        kvHeld,
        kvAbandoned,
        served,
        failures: [...instance.failures.values()].reduce((sum, count) => sum + count, 0),
        load: load ?? null,
      };
    });
  }

  /**
   * Sends an instance nothing new and waits until nothing needs it, `ms` at most. It stays so until it is joined.
   * Throws MembershipError for an unknown one, and without `force` for the last ready one of its role.
   */
  async drain(name: string, ms: number, force: boolean): Promise<DrainResult> {
    const instance = this.#find(name);
    const others = this.#picker(instance.role).instances.filter((other) => other !== instance);
    if (isReady(instance) && !others.some(isReady) && !force) {
      throw new MembershipError(
        "conflict",
        `${instance.name} is the last ${instance.role} instance that gets requests`,
        "join another one first, or force it: requests are then answered 503",
      );
    }
    if (!instance.draining) this.#say(instance, { state: "draining" });
    instance.draining = true;
    this.#changed();
    await this.#until(ms, () => !instance.draining || isIdle(instance));
    const { draining, inFlight, kvHeld } = instance;
    const drained = draining && isIdle(instance);
    // What connections are kept would be dead when another process has taken its place.
    if (drained) instance.pool.close();
    const ended = drained ? "idle" : draining ? "deadline" : "joined";
    return { instance: instance.name, drained, ended, inFlight, kvHeld };
  }

  /**
   * Lets a drained instance have requests again as soon as it has answered a health check, and waits for that, `ms`
   * at most. Throws MembershipError for an unknown one.
   */
  async join(name: string, ms: number): Promise<JoinResult> {
    const instance = this.#find(name);
    if (this.#leaving.has(instance)) {
      throw new MembershipError(
        "conflict",
        `${instance.name} is leaving: the rank table has it no more`,
        "put it back into the rank table and reload",
      );
    }
    if (instance.draining) {
      // What it last answered may have been said by the process before.
      instance.healthy = false;
      instance.stalled = false;
      instance.draining = false;
      this.#say(instance, { state: "joining" });
      this.#changed();
    }
    await this.#until(ms, () => instance.draining || isReady(instance));
    const joined = isReady(instance);
    const ended = joined ? "healthy" : instance.draining ? "draining" : "deadline";
    return { instance: instance.name, joined, ended };
  }

  /** Makes `endpoints` the instances: known ones stay as they are, new ones join when healthy, others drain and go. */
  reload(endpoints: Endpoints): ReloadResult {
    const results = [
      this.#replace(this.prefill, endpoints.prefill),
      this.#replace(this.decode, endpoints.decode),
    ];
    this.#changed();
    const names = (list: "added" | "leaving" | "kept") =>
      results.flatMap((result) => result[list].map(({ name }) => name));
    return { added: names("added"), leaving: names("leaving"), kept: names("kept") };
  }

  close(): void {
    this.#watch.end();
    for (const { pool } of this.instances) pool.close();
  }

  #replace(picker: Picker, endpoints: readonly Endpoint[]): Record<"added" | "leaving" | "kept", Instance[]> {
    const before = picker.instances;
    const added: Instance[] = [];
    const kept: Instance[] = [];
    for (const [index, endpoint] of endpoints.entries()) {
      const known = before.find(({ pool }) => pool.host === endpoint.host && pool.port === endpoint.port);
      if (known !== undefined) kept.push(known);
      else added.push(this.#make(picker.role, index, [...before, ...added], endpoint));
    }
    const leaving = before.filter((instance) => !kept.includes(instance));
    for (const instance of kept) {
      // One that had begun to leave and is wanted again.
      if (this.#leaving.delete(instance)) instance.draining = false;
    }
    for (const instance of leaving) {
      if (!this.#leaving.has(instance)) this.#say(instance, { state: "leaving" });
      this.#leaving.add(instance);
    }
    picker.instances = [...kept, ...added, ...leaving];
    return { added, kept, leaving };
  }

  /** A new one, under the name of its place, or the next name that nobody has. */
  #make(role: Role, index: number, others: readonly Instance[], endpoint: Endpoint): Instance {
    const isTaken = (at: number) => others.some(({ name }) => name === `${role}-${at}`);
    let at = index;
    while (isTaken(at)) at++;
    const name = `${role}-${at}`;
    const instance = makeInstance(role, name, endpoint, this.#deadlines, this.#connectMs, this.#hosts);
    instance.idle = () => this.#changed();
    this.#watch.add(instance);
    return instance;
  }

  /** Something has changed that a wait, or an instance that leaves, may have waited for. */
  #changed(): void {
    for (const instance of this.#leaving) {
      const picker = this.#picker(instance.role);
      const isReplaced = picker.instances.some((other) => isReady(other) && !this.#leaving.has(other));
      if (isReplaced || !instance.healthy || instance.stalled) instance.draining = true;
      if (instance.draining && isIdle(instance)) this.#remove(instance, picker);
    }
    for (const check of this.#waiters) check();
  }

  #remove(instance: Instance, picker: Picker): void {
    this.#leaving.delete(instance);
    picker.instances = picker.instances.filter((other) => other !== instance);
    this.#watch.forget(instance);
    instance.pool.close();
    this.#say(instance, { state: "left" });
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

  #picker(role: Role): Picker {
    return role === "prefill" ? this.prefill : this.decode;
  }

  /** By its name or its address. */
  #find(wanted: string): Instance {
    const { instances } = this;
    const found = instances.find(({ name, pool }) => name === wanted || pool.authority === wanted);
    if (found !== undefined) return found;
    const names = instances.map(({ name }) => name).join(", ");
    throw new MembershipError("unknown", `there is no instance ${wanted}`, `name one of ${names}`);
  }

  #say({ name }: Instance, facts: object): void {
    this.#log(logLine({ instance: name, ...facts }));
  }
}
