import { containerPolicy } from "../container-policy.ts";

/** A privileged container sees every NPU of the host, so the device list means nothing any more. */
export const noPrivilegedContainer = containerPolicy(
  {
    name: "no-privileged-container",
    description:
      "No container is privileged, nor has what amounts to it: added capabilities, the host's processes, memory or users, or no system call filter.",
    remediationSteps: "give the container its device nodes; an engine on Ascend NPUs needs no more",
  },
  ({ privileged, capabilities, pidMode, ipcMode, usernsMode, securityOpts }) => [
    ...(privileged ? ["is privileged"] : []),
    ...(capabilities?.adds ?? []).map((capability) => `adds the capability ${capability}`),
    ...Object.entries({ pidMode, ipcMode, usernsMode })
      .filter(([, mode]) => mode === "host")
      .map(([key]) => `shares the host's namespace: ${key} is host`),
    ...(securityOpts ?? [])
      .filter((option) => /[=:](unconfined|disable)$/.test(option))
      .map((option) => `turns a guard off: ${option}`),
  ],
);
