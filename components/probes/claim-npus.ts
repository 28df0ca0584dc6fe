import { text } from "node:stream/consumers";
import { heldNodes } from "../../host-checks/devices.ts";
import { running } from "../../hosts/containers.ts";
import { missingDeviceNodes } from "../../hosts/device-nodes.ts";
import { isNpuNode } from "../../planning/engines/devices.ts";
import { visible } from "../../problems/text.ts";
import { probeArguments } from "./arguments.ts";
import { type RegistryAuth, requireImage } from "./engine-image.ts";
import { runProbe } from "./main.ts";

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

  const wanted = new Set(devices.filter(isNpuNode));
  for (const other of await running(host)) {
    const name = visible(other.Name.slice(1));
    const held = name === container ? [] : heldNodes(other, wanted);
    if (held.length > 0) {
      throw new Error(
        `${container}: ${held.join(", ")} of ${host.name} is held by the running container ${name}\n` +
          `fix: stop that container, or give ${container} other NPUs in the stack file`,
      );
    }
  }
  return `free: ${[...wanted].join(", ") || "no NPU nodes wanted"}`;
});

/** By standard input, because an environment can be read by others; absent where the stack has none. */
async function registryAuth(): Promise<RegistryAuth[]> {
  return JSON.parse((await text(process.stdin)) || "[]");
}
