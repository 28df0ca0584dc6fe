/** Label by which a container says why it is on its host's network; a policy asks for it. */
export const hostNetworkLabel = "ascend-pd.host-network";

export const hostNetworkReason = "rank tables and NODE_PORTS name addresses and ports of the host";
