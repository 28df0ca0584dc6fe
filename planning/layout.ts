import type { ServingRole } from "./plan.ts";
import type { Declared } from "./stack-file/schema.ts";

/** Where everything stands, whatever engine runs there: one ordered list that everything else is derived from. */
export interface Layout {
  readonly stack: string;
  readonly file: Declared;
  /** Sorted by name. */
  readonly hosts: readonly Host[];
  /**
   * Every prefill, every decode, then the scheduler: the order of the rank table, of NODE_PORTS and of the start. An
   * instance over several hosts is its head, then its other members.
   */
  readonly instances: readonly Instance[];
  /** Ports of all prefill, then of all decode instances, in that order. */
  readonly nodePorts: string;
}

/** A host as declared, under its name, and with the device IPs that the engine gives. */
export type Host = Declared["hosts"][string] & { readonly name: string };

/** What becomes one container: an instance, one host of an instance over several, or the scheduler. */
export interface Instance extends Extras {
  readonly role: ServingRole;
  /** What the stack file calls it, or its place: `prefill-0`; the one thing that says which instance it is. */
  readonly shortName: string;
  /** Container name: the stack's and that. */
  readonly name: string;
  /** Where the stack file declares the instance: `prefill[0]`. */
  readonly path: string;
  /** Where it says `host` and `devices`: `prefill[0]`, or `decode[0].hosts[1]`. */
  readonly place: string;
  /** Name of its host, which a rule checks. */
  readonly host: string;
  /** Where its API is; of a member without one, its first port for KV transfer. */
  readonly port: number;
  /** Physical NPU ids; position is `rank_id`. Empty for the scheduler, and where the engine has none. */
  readonly npus: readonly number[];
  /** Of an instance over several hosts. */
  readonly member?: Member;
  /** Prefill only. */
  readonly batchingPolicy?: string | undefined;
  /** Scheduler only. */
  readonly routingPolicy?: string;
}

export interface Member {
  /** Its place among `places`; 0 is the head, which alone has an API. */
  readonly index: number;
  /** Container name of the head. */
  readonly of: string;
  /** Of all members, in rank order. */
  readonly places: readonly Place[];
}

export type Place = Pick<Instance, "host" | "npus">;

/** What the stack file adds to the command and the environment that are derived. */
export interface Extras {
  readonly extraArgs: readonly string[];
  readonly extraEnv: Readonly<Record<string, string>>;
  /** Names of variables whose values the Plan does not know. */
  readonly secretEnv: readonly string[];
}

/** Whether others talk to it: every container but the further members of an instance over several hosts. */
export const isHead = ({ member }: { readonly member?: Pick<Member, "index"> }): boolean =>
  (member?.index ?? 0) === 0;

/** Where the whole instance is. */
export const placesOf = ({ host, npus, member }: Pick<Instance, "host" | "npus" | "member">) =>
  member?.places ?? [{ host, npus }];

/** NPUs of the whole instance. */
export const npuCount = (instance: Pick<Instance, "host" | "npus" | "member">): number =>
  placesOf(instance).reduce((sum, { npus }) => sum + npus.length, 0);

/** The host of an instance; only for a layout that the rules accepted. */
export function hostOf(layout: Pick<Layout, "hosts">, instance: Pick<Instance, "host">): Host {
  return found(layout.hosts.find(({ name }) => name === instance.host));
}

/** A value that a rule has shown to be there. */
export function found<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("a topology that breaks a rule was planned");
  return value;
}
