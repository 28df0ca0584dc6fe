import { text } from "node:stream/consumers";
import { nameOf } from "../../docker/answers.ts";
import { holdersOf } from "../../host-checks/holders.ts";
import { inspectHolders, listContainers } from "../../hosts/containers.ts";
import { missingDeviceNodes } from "../../hosts/device-nodes.ts";
import { type RegistryAuth, requireImage } from "../../hosts/images.ts";
import { isNpuNode } from "../../planning/engines/devices.ts";
import { visible } from "../../problems/text.ts";
import { probeArguments } from "./arguments.ts";
import { runProbe } from "./main.ts";

/** The container that this claim was for, which had another name and is about to be replaced, by the claim's own words. */
const before = /^free for (\S+): /.exec(process.env.PULUMI_COMMAND_STDOUT ?? "")?.[1];

await runProbe(async () => {
  const { host, container, devices, image } = probeArguments("claim-npus");
  const missing = await missingDeviceNodes(host, devices);
  if (missing.length > 0) {
    throw new Error(
      `${container}: device nodes ${missing.join(", ")} do not exist on ${host.name}\n` +
        "fix: check the NPU driver with `npu-smi info`, or change `devices` in the stack file",
    );
  }
  if (image !== undefined) await requireImage(host, image, registryAuth);

  const others = (await inspectHolders(host, await listContainers(host))).filter(
    (other) => nameOf(other) !== container && nameOf(other) !== before,
  );
  const holders = holdersOf(devices, others);
  const holder = holders.find(({ nodes }) => nodes.length > 0);
  if (holder !== undefined) {
    const { name, state, nodes, by } = holder;
    const how = by === undefined ? "" : `, by ${by}`;
    throw new Error(
      `${container}: ${nodes.join(", ")} of ${host.name} is held by the ${visible(state)} container ${visible(name)}${visible(how)}\n` +
        `fix: stop that container, or give ${container} other NPUs in the stack file`,
    );
  }
  const free = `free for ${container}: ${devices.filter(isNpuNode).join(", ") || "no NPU nodes wanted"}`;
  const doubts = holders.map(({ name, why }) => `the container ${name} ${why}`);
  return doubts.length === 0 ? free : `${free}, as far as Docker tells: ${doubts.join("; ")}`;
});

/** By standard input, because an environment can be read by others; absent where the stack has none. */
async function registryAuth(): Promise<RegistryAuth[]> {
  return JSON.parse((await text(process.stdin)) || "[]");
}
