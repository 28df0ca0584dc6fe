import { containerPolicy } from "../resource-policy.ts";

/** How a container may be set apart from its host. `host` as a network is for `host-network-with-reason` to judge. */
const harmless = [
  ...["no-new-privileges", "no-new-privileges:true", "no-new-privileges=true"].map(
    (one) => `securityOpts=${one}`,
  ),
  ...["none", "private"].map((mode) => `ipcMode=${mode}`),
  "cgroupnsMode=private",
  ...["bridge", "default", "none", "host"].flatMap((name) => [
    `networkMode=${name}`,
    `networksAdvanced=${name}`,
  ]),
];

/** A privileged container sees every NPU of the host, so the device list means nothing any more. */
export const noPrivilegedContainer = containerPolicy(
  {
    name: "no-privileged-container",
    description:
      "No container is privileged, nor has what may amount to it: no security option but no-new-privileges, no capability, group, kernel parameter or parent cgroup added, and no namespaces but its own, Docker's bridge and the host's network.",
    remediationSteps:
      "leave the setting out and give the container its device nodes, as an engine on Ascend NPUs needs no more; or list it in the configuration of this policy, under `settings`",
    lists: {
      settings:
        "such settings, each as it is reported, e.g. securityOpts=seccomp=/etc/docker/engine.json or ipcMode=host",
    },
  },
  (container, { settings }) =>
    settingsOf(container)
      .filter((setting) => !harmless.includes(setting) && !settings.includes(setting))
      .map((setting) => `is not kept apart from its host: ${setting}`),
);

type Container = Parameters<Parameters<typeof containerPolicy>[1]>[0];

/** Each of the settings that say how much of its host a container has, as `input=value`. */
function settingsOf(container: Container): string[] {
  const { privileged, capabilities, networksAdvanced, securityOpts, groupAdds, sysctls } = container;
  const { pidMode, ipcMode, usernsMode, cgroupnsMode, networkMode, cgroupParent } = container;
  const values: Readonly<Record<string, readonly unknown[]>> = {
    privileged: [privileged === false ? undefined : privileged],
    capabilities: capabilities?.adds ?? [],
    ...{ pidMode: [pidMode], ipcMode: [ipcMode], usernsMode: [usernsMode], cgroupnsMode: [cgroupnsMode] },
    ...{ networkMode: [networkMode], cgroupParent: [cgroupParent] },
    networksAdvanced: (networksAdvanced ?? []).map(({ name }) => name),
    securityOpts: securityOpts ?? [],
    groupAdds: groupAdds ?? [],
    sysctls: Object.entries(sysctls ?? {}).map(([name, value]) => `${name}=${value}`),
  };
  return Object.entries(values).flatMap(([input, all]) =>
    all.filter((value) => value !== undefined && value !== "").map((value) => `${input}=${value}`),
  );
}
