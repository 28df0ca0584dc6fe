import { firstDifference } from "../../../problems/difference.ts";
import { repeated } from "../../../problems/repeated.ts";
import { idsOf, nameOf, type ServerJson } from "../../../rank-tables/format.ts";
import { type FoundProblem, found, type LocalFile, type Member } from "./files.ts";
import { localNameParts } from "./names.ts";

/** Local tables, each with the entry of the global one that it is or was meant to be. */
type Owners = readonly (readonly [local: LocalFile, owner: Member | undefined])[];

/**
 * Holds each local table against the entries of the global one, `whole`: HCCL and the manual want them equal. A
 * local table decides the role of the instance that reads it, so it must also be the one that its name says.
 */
export function checkLocalTables(
  locals: readonly LocalFile[],
  members: readonly Member[],
  whole: string,
): { readonly owners: Owners; readonly problems: readonly FoundProblem[] } {
  const owners = locals.map((local) => [local, ownerOf(local.server, members)] as const);
  const problems = [
    ...owners.flatMap(([local, owner]) => [...mismatches(local, owner, whole), ...misnomers(local)]),
    ...twins(owners),
    ...missing(owners, members, whole),
  ];
  return { owners, problems };
}

/** The entry that has most in common with `server`: device IPs, or ids on its host. */
function ownerOf(server: ServerJson, members: readonly Member[]): Member | undefined {
  if (server.device === undefined) return members.find((member) => member.server.device === undefined);
  const traits = new Set(traitsOf(server));
  const common = ({ server: other }: Member) => traitsOf(other).filter((trait) => traits.has(trait)).length;
  return members.filter(common).sort((a, b) => common(b) - common(a))[0];
}

const traitsOf = ({ server_ip, device = [] }: ServerJson): string[] =>
  device.flatMap(({ device_id, device_ip }) => [device_ip, `${server_ip} NPU ${device_id}`]);

function mismatches({ where, server }: LocalFile, owner: Member | undefined, whole: string): FoundProblem[] {
  const wrong = (path: string, message: string) => [
    found(where, "PD214", path, message, "generate both anew on that host, in one run"),
  ];
  if (owner === undefined) return wrong("(file)", `${nameOf(server)} has no entry in ${whole}`);
  const difference = firstDifference(server, owner.server);
  if (difference === undefined) return [];
  const { path, found: here, wanted } = difference;
  return wrong(`server_list[0].${path}`, `${show(here)}, but ${show(wanted)} in ${owner.path} of ${whole}`);
}

const show = (value: unknown): string => (value === undefined ? "absent" : JSON.stringify(value));

function misnomers({ where, server }: LocalFile): FoundProblem[] {
  const name = localNameParts(where);
  if (name === undefined) return [];
  const devices = idsOf(server).join("") || "host";
  const isOfHost = name.ip === server.server_ip || ![name.ip, server.server_ip].every(isNumeric);
  if (name.devices === devices && isOfHost) return [];
  const message = `named for ${name.ip} ${name.devices}, but holds ${nameOf(server)}`;
  return [found(where, "PD216", "(file name)", message, "give each file the name of its content")];
}

/** `localhost` in a table is every host's. */
const isNumeric = (ip: string): boolean => /^[\d.]+$/.test(ip);

function twins(owners: Owners): FoundProblem[] {
  const owned = owners.filter(([, owner]) => owner !== undefined);
  return repeated(owned, ([, owner]) => owner).map(([[local, owner], [first]]) =>
    found(
      local.where,
      "PD215",
      "(file)",
      `${first.where} is that of ${owner?.path} too`,
      "remove one of the two",
    ),
  );
}

/** A warning, and only where there are local tables at all: those of other hosts may be elsewhere. */
function missing(owners: Owners, members: readonly Member[], whole: string): FoundProblem[] {
  const unowned = members.filter((member) => !owners.some(([, owner]) => owner === member));
  return (owners.length === 0 ? [] : unowned).map(({ path, server }) => [
    whole,
    {
      code: "PD215",
      severity: "warning",
      path,
      message: `the local table of ${nameOf(server)} is not among the files`,
      fix: "name it too, unless it lies on another host",
    },
  ]);
}
