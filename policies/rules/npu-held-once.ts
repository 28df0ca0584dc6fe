import type { PolicyResource } from "@pulumi/policy";
import { type Asking, heldBy } from "../../host-checks/holders.ts";
import { sshEndpoint } from "../../planning/ssh-endpoint.ts";
import { known } from "../known.ts";
import type { StackPolicy } from "../policy.ts";
import { type ContainerInputs, containerType } from "../resource-policy.ts";

/** Two containers on one NPU: the second cannot use it, and often breaks the first. */
export const npuHeldOnce: StackPolicy = {
  name: "npu-held-once",
  description:
    "No NPU of a host is given to two containers, be it by a device, a mount, a request or a variable.",
  remediationSteps: "give one of the two containers another NPU of the host",
  validateStack: ({ resources }, reportViolation) => {
    const containers = resources
      .filter(({ type }) => type === containerType)
      .map((container) => {
        const asking = askingOf(known(container.props as ContainerInputs));
        const endpoint = endpointOf(container);
        return { container, endpoint, engine: engineAt(endpoint), ...heldBy(asking, nodes) };
      });
    for (const [index, second] of containers.entries()) {
      const others = containers.slice(0, index).filter(({ engine }) => engine === second.engine);
      for (const node of [...second.nodes, ...second.mayHold]) {
        const isHeld = second.nodes.includes(node);
        const first =
          others.findLast((one) => one.nodes.includes(node)) ??
          (isHeld ? others.findLast((one) => one.mayHold.includes(node)) : undefined);
        if (first === undefined || first.container.urn === second.container.urn) continue;
        const unsure = [first, second].find((one) => !one.nodes.includes(node));
        const doubt =
          unsure === undefined ? "" : `: ${unsure.container.name} ${unsure.why}, so it may have it`;
        reportViolation(
          `${node} of ${second.endpoint} is given to ${first.container.name} and to ${second.container.name}${doubt}`,
          second.container.urn,
        );
      }
    }
  },
};

/** No host has more. */
const nodes = Array.from({ length: 64 }, (_, npu) => `/dev/davinci${npu}`);

function askingOf(container: ContainerInputs): Asking {
  const { devices, deviceCgroupRules, deviceRequests, gpus, mounts, volumes, privileged, runtime } =
    container;
  const binds = [
    ...(mounts ?? []).filter(({ type }) => type === "bind"),
    ...(volumes ?? []).map(({ hostPath, readOnly }) => ({ source: hostPath, readOnly })),
  ];
  return {
    devices: (devices ?? []).flatMap(({ hostPath }) => hostPath ?? []),
    cgroupRules: deviceCgroupRules ?? [],
    requests: [
      ...(deviceRequests ?? []).map(({ driver = "", count = 0, deviceIds }) => ({
        driver,
        count,
        ids: deviceIds ?? [],
      })),
      ...(gpus === undefined ? [] : [{ driver: "", count: 0, ids: gpus.split(",") }]),
    ],
    binds: binds.flatMap(({ source, readOnly }) =>
      source === undefined ? [] : [{ source, readOnly: readOnly === true }],
    ),
    privileged: privileged === true,
    runtime: runtime ?? "",
    env: container.envs ?? [],
    notes: Object.fromEntries((container.labels ?? []).map(({ label = "", value = "" }) => [label, value])),
  };
}

const ofNoProvider = "the default engine";

const endpointOf = ({ provider }: PolicyResource): string =>
  known(provider?.props ?? {}).host || ofNoProvider;

/** Containers share a host when their providers, whatever they are called, reach one engine, by whatever user. */
function engineAt(endpoint: string): string {
  const written =
    endpoint === ofNoProvider ? (process.env.DOCKER_HOST ?? "unix:///run/docker.sock") : endpoint;
  const { host, port = "22" } = sshEndpoint(written) ?? {};
  return host === undefined
    ? written.replace(/^unix:\/\/\/var\/run\//, "unix:///run/")
    : `${host.toLowerCase()} ${port}`;
}
