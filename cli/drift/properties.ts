import type { Container, Image } from "../../docker/answers.ts";
import type { dockerContainer } from "../../planning/container/docker-container.ts";
import { secretEnvLabel } from "../../planning/container/settings.ts";
import { masked } from "../../planning/credentials/credential.ts";
import type { PropertyChange } from "../differences/change.ts";
import { asArray, asObject, containerProperties, differences } from "../differences/properties.ts";

export type DockerContainer = ReturnType<typeof dockerContainer>;

/**
 * How a container differs from what the Docker provider makes of its Plan: `old` is planned, `new` is there. What the
 * Plan leaves to the image is compared with `image`, the one that the container runs, and not at all where the host
 * cannot tell. Of `secretEnv` no Plan has the values: they are there or not. Files, name and image have comparisons of
 * their own.
 */
export function propertyDifferences(
  plan: DockerContainer,
  secretEnv: readonly string[],
  container: Container,
  image: Image | undefined,
): PropertyChange[] {
  const secrets = secretEnv.map((name) => `${name}=${masked}`);
  const planned = { ...plan, envs: [...plan.envs, ...secrets] };
  // Those too that it says are secrets and that the Plan names no longer.
  const former = container.Config.Labels[secretEnvLabel]?.split(",") ?? [];
  const masks = variables([...secrets, ...former]);
  const Env = container.Config.Env.map((entry) => {
    const name = entry.split("=", 1).join();
    return Object.hasOwn(masks, name) ? `${name}=${masked}` : entry;
  });
  const there = { ...container, Config: { ...container.Config, Env } };
  const wanted = containerProperties(expected(planned, image));
  return differences(wanted, containerProperties(seen(there, planned, image)));
}

function expected(planned: DockerContainer, image: Image | undefined): object {
  const { name, image: imageName, uploads, destroyGraceSeconds, envs, labels, ...rest } = planned;
  return {
    ...inherited(image?.Config),
    ...rest,
    capabilities: rest.capabilities ?? { drops: [] },
    securityOpts: rest.securityOpts ?? [],
    envs: { ...variables(image?.Config?.Env ?? []), ...variables(envs) },
    labels: list({ ...image?.Config?.Labels, ...byLabel(labels) }),
  };
}

function seen(
  { Config, HostConfig, Mounts }: Container,
  planned: DockerContainer,
  image: Image | undefined,
): object {
  const known = image?.Config !== undefined;
  const only = <T>(all: Record<string, T>, names: object): Record<string, T> =>
    known ? all : Object.fromEntries(Object.entries(all).filter(([name]) => Object.hasOwn(names, name)));
  const { NetworkMode, RestartPolicy, LogConfig, CapDrop, SecurityOpt, Devices } = HostConfig;
  const volumes = planned.mounts.filter(({ type }) => type === "volume");
  const ofImage = new Set(Object.keys(image?.Config?.Volumes ?? {}));
  return {
    ...(known && inherited(Config)),
    ...((known || planned.user !== undefined) && { user: Config.User }),
    command: Config.Cmd,
    envs: only(variables(Config.Env), variables(planned.envs)),
    labels: list(only(Config.Labels, byLabel(planned.labels))),
    devices: Devices.map(({ PathOnHost, PathInContainer, CgroupPermissions }) => ({
      hostPath: PathOnHost,
      containerPath: PathInContainer,
      permissions: CgroupPermissions,
    })),
    mounts: Mounts.filter(
      ({ Type, Destination }) =>
        Type !== "volume" ||
        !ofImage.has(Destination) ||
        volumes.some(({ target }) => target === Destination),
    ).map(({ Type, Name, Source, Destination, RW }) => ({
      source:
        Type === "bind" ? Source : volumes.some(({ source }) => source === Name) ? Name : `${Type} ${Source}`,
      target: Destination,
      readOnly: !RW,
    })),
    capabilities: { drops: CapDrop },
    securityOpts: SecurityOpt,
    networkMode: NetworkMode,
    restart: RestartPolicy.Name,
    stopTimeout: Config.StopTimeout,
    ...(planned.shmSize !== undefined && { shmSize: Number(HostConfig.ShmSize) / 2 ** 20 }),
    ...((planned.ipcMode ?? HostConfig.IpcMode) === "host" && { ipcMode: HostConfig.IpcMode }),
    ...(planned.ulimits !== undefined && { ulimits: ulimitsOf(HostConfig.Ulimits) }),
    logDriver: LogConfig.Type,
    logOpts: LogConfig.Config,
    ...(planned.memory !== undefined && {
      memory: Number(HostConfig.Memory) / 2 ** 20,
      // Of swap that its kernel does not count a Docker Engine sets no limit.
      memorySwap: HostConfig.MemorySwap === -1 ? planned.memorySwap : Number(HostConfig.MemorySwap) / 2 ** 20,
    }),
    ...limitsAndPrivileges(
      planned.memory === undefined ? HostConfig : { ...HostConfig, Memory: 0, MemorySwap: 0 },
    ),
  };
}

/** In the words of a Plan; of what an engine gives by itself the Docker Engine says nothing here. */
const ulimitsOf = (ulimits: unknown) =>
  asArray(ulimits).map((one) => {
    const { Name, Soft, Hard } = asObject(one);
    return { name: Name, soft: Soft, hard: Hard };
  });

/** What a container has from its image, unless it says otherwise. */
function inherited(
  config: Pick<Container["Config"], "User" | "WorkingDir" | "Entrypoint"> | undefined,
): object {
  if (config === undefined) return {};
  const { User, WorkingDir, Entrypoint } = config;
  return { user: User, workingDir: WorkingDir || "/", entrypoint: Entrypoint };
}

/**
 * Settings that no Plan has and no configuration of an engine gives: privileges, and what `docker update` limits.
 * Left out are those that depend on the engine, such as ulimits, the size of /dev/shm and the runtime.
 */
const settings = [
  "BlkioWeight",
  "CapAdd",
  "CpuPeriod",
  "CpuQuota",
  "CpuShares",
  "CpusetCpus",
  "CpusetMems",
  "DeviceCgroupRules",
  "DeviceRequests",
  "GroupAdd",
  "Memory",
  "MemoryReservation",
  "MemorySwap",
  "NanoCpus",
  "OomKillDisable",
  "OomScoreAdj",
  "PidMode",
  "PidsLimit",
  "Privileged",
  "ReadonlyRootfs",
  "UTSMode",
  "UsernsMode",
] as const;

function limitsAndPrivileges(hostConfig: Readonly<Record<string, unknown>>): object {
  const set = settings.filter((name) => !isUnset(hostConfig[name]));
  return Object.fromEntries(set.map((name) => [name, hostConfig[name]]));
}

const isUnset = (value: unknown): boolean =>
  !value || value === -1 || (typeof value === "object" && Object.keys(value).length === 0);

/** `NAME=value` by name; of two with the same name the later counts, as for Docker. */
function variables(list: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    list.map((entry) => {
      const at = entry.indexOf("=");
      return at < 0 ? [entry, ""] : [entry.slice(0, at), entry.slice(at + 1)];
    }),
  );
}

const byLabel = (labels: DockerContainer["labels"]): Record<string, string> =>
  Object.fromEntries(labels.map(({ label, value }) => [label, value]));

const list = (labels: Readonly<Record<string, string>>) =>
  Object.entries(labels).map(([label, value]) => ({ label, value }));
