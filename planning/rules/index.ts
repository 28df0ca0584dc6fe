import type { Problem } from "../../problems/problem.ts";
import type { Topology } from "../topology.ts";
import { type Acknowledgement, acknowledge, acknowledgementNeeded } from "./acknowledgement-needed.ts";
import { addressOfItsHost } from "./address-of-its-host.ts";
import { batchHoldsARequest } from "./batch-holds-a-request.ts";
import { batchHoldsSequences } from "./batch-holds-sequences.ts";
import { batchingPolicyKnown } from "./batching-policy-known.ts";
import { configMapModerate } from "./config-map-moderate.ts";
import { configMapSmallEnough } from "./config-map-small-enough.ts";
import { connectorAsksNoScheduler } from "./connector-asks-no-scheduler.ts";
import { connectorInImage } from "./connector-in-image.ts";
import { dataParallelHasExperts } from "./data-parallel-has-experts.ts";
import { decodeHasNoPipeline } from "./decode-has-no-pipeline.ts";
import { deviceIpKnown } from "./device-ip-known.ts";
import { deviceIpUsable } from "./device-ip-usable.ts";
import { deviceIpsDistinct } from "./device-ips-distinct.ts";
import { devicesAsEngineTakes } from "./devices-as-engine-takes.ts";
import { dockerEndpointsDistinct } from "./docker-endpoints-distinct.ts";
import { engineHasApi } from "./engine-has-api.ts";
import { equalDeviceCountsAcrossRoles } from "./equal-device-counts-across-roles.ts";
import { equalDeviceCountsInRole } from "./equal-device-counts-in-role.ts";
import { extraArgsNotDerived } from "./extra-args-not-derived.ts";
import { extraEnvNotDerived } from "./extra-env-not-derived.ts";
import { fieldsOfItsTarget } from "./fields-of-its-target.ts";
import { formHasMembers } from "./form-has-members.ts";
import { hcclBasePort } from "./hccl-base-port.ts";
import { hostAddressReachable } from "./host-address-reachable.ts";
import { hostAddressesAsEngineTakes } from "./host-addresses-as-engine-takes.ts";
import { hostAddressesDistinct } from "./host-addresses-distinct.ts";
import { hostAddressesOfOneFamily } from "./host-addresses-of-one-family.ts";
import { hostExists } from "./host-exists.ts";
import { hostsHaveWholeRanks } from "./hosts-have-whole-ranks.ts";
import { hostsOfInstanceDistinct } from "./hosts-of-instance-distinct.ts";
import { hostsOfOneGeneration } from "./hosts-of-one-generation.ts";
import { imageForNpus } from "./image-for-npus.ts";
import { instanceNamesDistinct } from "./instance-names-distinct.ts";
import { instancesAlike } from "./instances-alike.ts";
import { interfaceCarriesAddress } from "./interface-carries-address.ts";
import { interfaceKnown } from "./interface-known.ts";
import { interfaceOfItsHost } from "./interface-of-its-host.ts";
import { keysOfClientsToo } from "./keys-of-clients-too.ts";
import { keysWithOurScheduler } from "./keys-with-our-scheduler.ts";
import { kvHoldOfAll } from "./kv-hold-of-all.ts";
import { kvPortsNotHccls } from "./kv-ports-not-hccls.ts";
import { kvPortsNotOutgoing } from "./kv-ports-not-outgoing.ts";
import { kvPortsNotTransports } from "./kv-ports-not-transports.ts";
import { layerwiseHasNoPipeline } from "./layerwise-has-no-pipeline.ts";
import { modelIsMounted } from "./model-is-mounted.ts";
import { monitoringWithOurScheduler } from "./monitoring-with-our-scheduler.ts";
import { mountBesideDriver } from "./mount-beside-driver.ts";
import { mountBesideHome } from "./mount-beside-home.ts";
import { mountPaths } from "./mount-paths.ts";
import { mountTargetsDistinct } from "./mount-targets-distinct.ts";
import { namesFitKubernetes } from "./names-fit-kubernetes.ts";
import { nodesDistinct } from "./nodes-distinct.ts";
import { npuExists } from "./npu-exists.ts";
import { npuUsedOnce } from "./npu-used-once.ts";
import { overHostsWhereItCan } from "./over-hosts-where-it-can.ts";
import { podsHaveNoUlimits } from "./pods-have-no-ulimits.ts";
import { portNotHccls } from "./port-not-hccls.ts";
import { portNotOutgoing } from "./port-not-outgoing.ts";
import { portNotTransports } from "./port-not-transports.ts";
import { portUsedOnce } from "./port-used-once.ts";
import { portsNotKubernetes } from "./ports-not-kubernetes.ts";
import { prefillTpMultiple } from "./prefill-tp-multiple.ts";
import { quantizationKnown } from "./quantization-known.ts";
import { resourceOfGeneration } from "./resource-of-generation.ts";
import { rolePortsDiffer } from "./role-ports-differ.ts";
import { routingPolicyKnown } from "./routing-policy-known.ts";
import { type Documented, isAcknowledgeable, type Rule } from "./rule.ts";
import { runtimeHasImage } from "./runtime-has-image.ts";
import { schedulerFlagsSaidOnce } from "./scheduler-flags-said-once.ts";
import { schedulerInAPod } from "./scheduler-in-a-pod.ts";
import { shapeRules } from "./shape.ts";
import { sharedMemoryOfItsOwn } from "./shared-memory-of-its-own.ts";
import { sizesFillDevices } from "./sizes-fill-devices.ts";
import { sshHostKeyPinned } from "./ssh-host-key-pinned.ts";
import { stackNameFitsDocker } from "./stack-name-fits-docker.ts";
import { tableModerate } from "./table-moderate.ts";
import { tableSmallEnough } from "./table-small-enough.ts";
import { targetsTellMetrics } from "./targets-tell-metrics.ts";
import { tlsByItsKey } from "./tls-by-its-key.ts";
import { tlsFolderPlain } from "./tls-folder-plain.ts";
import { wholeCards } from "./whole-cards.ts";
import { wholeNodes } from "./whole-nodes.ts";

/** Every rule, in the order of the codes, in which problems are shown. A new rule is a file and a line here. */
export const rules: readonly Rule[] = [
  stackNameFitsDocker,
  hostExists,
  npuUsedOnce,
  npuExists,
  equalDeviceCountsInRole,
  equalDeviceCountsAcrossRoles,
  wholeCards,
  devicesAsEngineTakes,
  sizesFillDevices,
  prefillTpMultiple,
  portUsedOnce,
  portNotHccls,
  rolePortsDiffer,
  hcclBasePort,
  portNotOutgoing,
  kvPortsNotHccls,
  kvPortsNotTransports,
  portNotTransports,
  kvPortsNotOutgoing,
  instanceNamesDistinct,
  hostAddressReachable,
  hostAddressesDistinct,
  deviceIpKnown,
  deviceIpsDistinct,
  deviceIpUsable,
  tableModerate,
  tableSmallEnough,
  interfaceKnown,
  interfaceCarriesAddress,
  addressOfItsHost,
  batchHoldsARequest,
  extraArgsNotDerived,
  extraEnvNotDerived,
  decodeHasNoPipeline,
  dataParallelHasExperts,
  kvHoldOfAll,
  batchHoldsSequences,
  quantizationKnown,
  batchingPolicyKnown,
  interfaceOfItsHost,
  mountPaths,
  mountBesideHome,
  mountBesideDriver,
  modelIsMounted,
  mountTargetsDistinct,
  sharedMemoryOfItsOwn,
  sshHostKeyPinned,
  dockerEndpointsDistinct,
  hostAddressesOfOneFamily,
  hostAddressesAsEngineTakes,
  tlsFolderPlain,
  tlsByItsKey,
  keysOfClientsToo,
  routingPolicyKnown,
  keysWithOurScheduler,
  runtimeHasImage,
  connectorInImage,
  engineHasApi,
  imageForNpus,
  layerwiseHasNoPipeline,
  overHostsWhereItCan,
  hostsOfInstanceDistinct,
  hostsHaveWholeRanks,
  hostsOfOneGeneration,
  monitoringWithOurScheduler,
  schedulerFlagsSaidOnce,
  targetsTellMetrics,
  fieldsOfItsTarget,
  namesFitKubernetes,
  wholeNodes,
  nodesDistinct,
  schedulerInAPod,
  podsHaveNoUlimits,
  resourceOfGeneration,
  configMapModerate,
  configMapSmallEnough,
  portsNotKubernetes,
  formHasMembers,
  instancesAlike,
  connectorAsksNoScheduler,
];

/** Every rule of a stack file, those that are checked elsewhere too, in the order of the codes. */
export const documentedRules: readonly Documented[] = [...shapeRules, ...rules, acknowledgementNeeded].sort(
  (a, b) => (a.code < b.code ? -1 : 1),
);

/** Codes of the problems that a stack file may declare to be meant. */
export const acknowledgeableCodes: readonly string[] = rules
  .filter(isAcknowledgeable)
  .map(({ code }) => code);

/** Everything that `topology` breaks and `allow` does not acknowledge. */
export function applyRules(topology: Topology, allow: readonly Acknowledgement[]): Problem[] {
  const problems = rules.flatMap((rule) =>
    rule.check(topology).map(({ path, message, fix }): Problem => {
      const { code, severity } = rule;
      const way = isAcknowledgeable(rule)
        ? `; if this is meant, add ${code} with the reason to \`allow\``
        : "";
      return { code, severity, path, message, fix: `${fix}${way}` };
    }),
  );
  return acknowledge(allow, problems);
}
