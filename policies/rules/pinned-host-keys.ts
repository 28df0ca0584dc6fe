import { masked } from "../../planning/credentials/credential.ts";
import { maskPasswords } from "../../planning/credentials/url-password.ts";
import { sshEndpoint } from "../../planning/ssh-endpoint.ts";
import { type Resource, resourcePolicy } from "../resource-policy.ts";
import { sshFault } from "../ssh-options.ts";

/** A user or host that ssh could take for an option is none. */
const isSsh = (endpoint: string): boolean => {
  const { user = "root", host, port = "22" } = sshEndpoint(endpoint) ?? {};
  return (
    host !== undefined && /^[\w.][\w.-]*$/.test(user) && /^[\w.:][\w.:-]*$/.test(host) && port.length < 6
  );
};
const localEndpoint = /^unix:\/\/(\/(?!\.{1,2}(\/|$))[\w.-]+)+$/;
const publicKey = /^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/]+={0,2}( [\w.@-]+)?$/;

/** Whoever answers in a host's place is handed its containers, and here that means root on it. */
export const pinnedHostKeys = resourcePolicy(
  {
    name: "pinned-host-keys",
    description:
      "A Docker Engine is reached at a local socket, or by SSH that accepts one host key only: of a Docker provider by its sshOpts, of a remote command by its hostKey.",
    remediationSteps:
      "give the provider a host instead of a context, with StrictHostKeyChecking=yes, the key in its own KnownHostsCommand or UserKnownHostsFile, and /dev/null for the other files; give each connection, and its proxy, a hostKey; list an endpoint of another kind in the configuration of this policy",
    lists: { endpoints: "Docker endpoints of other kinds, e.g. tcp://10.0.0.18:2376" },
  },
  (resource, { endpoints }) => {
    const faults = faultsOf(resource, endpoints);
    return resource.isKnown() ? faults : [];
  },
);

function faultsOf({ type, props }: Resource, endpoints: readonly string[]): string[] {
  if (type === "pulumi:providers:docker") return providerFaults(props, endpoints);
  if (!type.startsWith("command:remote:")) return [];
  const { host, hostKey, proxy } = Object(props.connection);
  return [
    ...(publicKey.test(hostKey) ? [] : [`accepts any host key of ${host}`]),
    ...(proxy === undefined || publicKey.test(proxy.hostKey) ? [] : ["accepts any host key of its proxy"]),
  ];
}

function providerFaults(
  { context, host, sshOpts }: Resource["props"],
  endpoints: readonly string[],
): string[] {
  // One that is empty, and not unset, keeps the variable from counting.
  const way = context ?? process.env.DOCKER_CONTEXT;
  if (way) return [`goes wherever the Docker context ${way} leads, whatever its host says`];
  const endpoint = String(host || process.env.DOCKER_HOST || "unix:///var/run/docker.sock");
  if (endpoints.includes(endpoint) || localEndpoint.test(endpoint)) return [];
  const shown = `${host ? "" : "what DOCKER_HOST names, "}${maskPasswords(endpoint, masked)}`;
  if (!isSsh(endpoint)) return [`reaches ${shown}, which shows no host key`];
  const fault = sshFault(endpoint, optionsOf(sshOpts));
  return fault === undefined ? [] : [`reaches ${shown} ${fault}`];
}

/** As the engine shows it: what is not text in a provider's inputs is JSON. */
function optionsOf(sshOpts: unknown): readonly string[] {
  const options: unknown = typeof sshOpts === "string" ? JSON.parse(sshOpts) : sshOpts;
  return Array.isArray(options) ? options.map(String) : [];
}
