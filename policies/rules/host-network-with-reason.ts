import { hostNetworkLabel } from "../../planning/container/host-network.ts";
import { containerPolicy } from "../resource-policy.ts";

/** On the host's network a container reaches, and can be reached at, everything that the host can. */
export const hostNetworkWithReason = containerPolicy(
  {
    name: "host-network-with-reason",
    description: `A container on the host's network says why, in its label ${hostNetworkLabel}.`,
    remediationSteps: `add the label ${hostNetworkLabel} with the reason as its value, or publish the ports that are needed`,
  },
  ({ networkMode, networksAdvanced, labels }) => {
    const networks = [networkMode, ...(networksAdvanced ?? []).map(({ name }) => name)];
    if (!networks.includes("host")) return [];
    const reason = labels?.find(({ label }) => label === hostNetworkLabel)?.value ?? "";
    // Invisible characters are no reason.
    return /\p{L}{2}/u.test(reason) ? [] : ["is on the host's network without a reason"];
  },
);
