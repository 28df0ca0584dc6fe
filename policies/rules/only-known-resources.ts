import { containerType, resourcePolicy } from "../resource-policy.ts";

/** Inputs by the kind of a resource: each is harmless, or another policy looks at it. */
const kinds: Readonly<Record<string, readonly string[]>> = {
  "pulumi:pulumi:Stack": [],
  // It reads what the last `up` of the stack left.
  "pulumi:providers:pulumi": ["version"],
  "pulumi:providers:command": ["version"],
  "pulumi:providers:docker": words("context disableDockerDaemonCheck host sshOpts version"),
  [containerType]: [
    ...words("capabilities cgroupParent cgroupnsMode command deviceCgroupRules deviceRequests devices"),
    ...words("entrypoints envs gpus groupAdds healthcheck image ipcMode labels logDriver logOpts mounts"),
    ...words("networkMode networksAdvanced pidMode privileged runtime securityOpts sysctls uploads"),
    ...words("usernsMode volumes"),
    ...words("attach containerReadRefreshTimeoutMilliseconds cpuPeriod cpuQuota cpuSet cpuShares cpus"),
    ...words("destroyGraceSeconds deviceReadBps deviceReadIops deviceWriteBps deviceWriteIops dns dnsOpts"),
    ...words("dnsSearches domainname hostname hosts init logs maxRetryCount memory memoryReservation"),
    ...words("memorySwap mustRun name platform ports publishAllPorts readOnly removeVolumes restart rm"),
    ...words("shmSize start stdinOpen stopSignal stopTimeout storageOpts tmpfs tty ulimits user wait"),
    ...words("waitTimeout workingDir"),
  ],
  "docker:index/remoteImage:RemoteImage": [
    ...words("forceRemove keepLocally name platform pullTriggers triggers"),
    ...words("buildArgs context dockerfile forceRemove label labels noCache platform pullParent remove").map(
      ofBuild,
    ),
    ...words("suppressOutput useLegacyBuilder version").map(ofBuild),
  ],
  "docker:index/volume:Volume": words("driver driverOpts labels name"),
  "command:local:Command": words("create delete environment stdin triggers update"),
  "command:remote:Command": words("connection create delete stdin triggers update"),
  "command:remote:CopyToRemote": words("connection remotePath source triggers"),
};

/** Nothing has such a provider: they are this program's components, which do nothing themselves. */
const components = /^ascend-pd:index:\w+$/;

/** What no policy knows, no policy can judge: a Swarm service mounts and runs whatever a container could. */
export const onlyKnownResources = resourcePolicy(
  {
    name: "only-known-resources",
    description:
      "Every resource is of a kind that these policies know, and has no input that they do not know: containers, volumes, images that are pulled or built on their host, Docker providers, and commands.",
    remediationSteps:
      "make it by a kind and by inputs that docs/policies.md names, or list it in the configuration of this policy once somebody has judged it",
    lists: {
      kinds: "kinds of resources, whatever inputs they have, e.g. docker:index/network:Network",
      inputs: "inputs of the kinds above, e.g. build.target",
    },
  },
  ({ type, props, inputs }, also) => {
    if (components.test(type) || also.kinds.includes(type)) return [];
    const allowed = kinds[type];
    if (allowed === undefined) return [`is a ${type}, which no policy knows`];
    const ofBuilds = inputs.includes("build") ? Object.keys(Object(props.build)).map(ofBuild) : [];
    return [...inputs.filter((input) => input !== "build"), ...ofBuilds]
      .filter((input) => !marks.test(input) && !allowed.includes(input) && !also.inputs.includes(input))
      .map((input) => `has the input ${input}, which no policy knows`);
  },
);

/** By it a plugin says which inputs it has filled in itself. */
const marks = /^(build\.)?__defaults$/;

function words(text: string): string[] {
  return text.split(" ");
}

function ofBuild(input: string): string {
  return `build.${input}`;
}
