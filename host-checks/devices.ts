import { isOf } from "../planning/container/settings.ts";
import { isNpuNode, managerNodes as managers } from "../planning/engines/devices.ts";
import {
  failed,
  type HostCheck,
  noNpus,
  notApplicable,
  ofEachNpu,
  ok,
  on,
  seeing,
  together,
  unseen,
  type Verdict,
} from "./check.ts";
import { type HostFacts, through } from "./facts.ts";
import { holdersOf } from "./holders.ts";
import { npuInfoOf } from "./npus.ts";

const nodeAt = (host: HostFacts, path: string, fix: string): Verdict =>
  seeing(host.kind(path), (kind) => {
    if (kind === "device") return ok(path);
    if (kind === "hidden") return unseen(`${path} cannot be looked at by the user of that connection`);
    return failed(kind === "missing" ? `there is no ${path}` : `${path} is a ${kind}, no device node`, fix);
  });

export const npuNodes: HostCheck = {
  code: "HC201",
  severity: "error",
  guardsUp: true,
  title: "every NPU that the stack takes has its device node",
  why: "Docker refuses to start a container whose device is missing.",
  source: "the manual, step two: `--device=/dev/davinci4`",
  check: (host) =>
    ofEachNpu(host, ({ id }) =>
      nodeAt(
        host,
        `/dev/davinci${id}`,
        `see \`npu-smi info\` and \`ls /dev/davinci*\` ${on(host)}, or change \`devices\` in the stack file`,
      ),
    ),
};

export const managerNodes: HostCheck = {
  code: "HC202",
  severity: "error",
  guardsUp: true,
  title: "the driver's manager nodes are there",
  why: "Every Ascend process opens davinci_manager, devmm_svm and hisi_hdc, whatever its NPUs.",
  source: "the manual, steps two to four: `--device=/dev/davinci_manager`",
  check: (host) => {
    const nodes = host.wanted.nodes.filter((node) => managers.includes(node));
    if (nodes.length === 0) return notApplicable("no container of the stack needs one");
    const fix = `install the NPU driver ${on(host)}, or start it: \`npu-smi info\` must work there`;
    return together(nodes.map((node) => nodeAt(host, node, fix)));
  },
};

export const npusNotHeld: HostCheck = {
  code: "HC203",
  severity: "error",
  guardsUp: true,
  title: "no container of somebody else holds an NPU of the stack",
  why: "The driver gives an NPU to one container; the second one's server fails with error -8020, or -8005.",
  source: "the manual, step two: do not bind several containers to one NPU",
  check: (host) => {
    const nodes = host.wanted.nodes.filter(isNpuNode);
    if (nodes.length === 0) return noNpus;
    return seeing(strangers(host, nodes), (holders) => {
      const held = holders.filter(({ nodes }) => nodes.length > 0);
      const unsure = holders.filter(({ mayHold }) => mayHold.length > 0);
      if (held.length > 0) {
        return together(
          held.map(({ name, state, nodes, by }) => {
            const fix = `stop that container with \`docker stop ${name}\` ${on(host)}, or take other NPUs in the stack file`;
            const how = by === undefined ? "" : `, by ${by}`;
            return failed(`${nodes.join(", ")} is held by the ${state} container ${name}${how}`, fix);
          }),
        );
      }
      if (unsure.length === 0) return ok(`${nodes.join(", ")} in no other container`);
      return unseen(unsure.map(({ name, why }) => `the container ${name} ${why}`).join("; "));
    });
  },
};

export const noHiddenHolders: HostCheck = {
  code: "HC204",
  severity: "warning",
  title: "of every container beside, Docker tells which NPUs it has",
  why: "A privileged one sees every NPU of the host, as does one that mounts /dev or may open any device; and a list of NPUs that cannot be read may name any.",
  source: "vllm-project/vllm-ascend, issue 632: NPUs in use that no device list shows",
  check: (host) => {
    const nodes = host.wanted.nodes.filter(isNpuNode);
    if (nodes.length === 0) return noNpus;
    return seeing(strangers(host, nodes), (holders) =>
      together(
        holders
          .filter(({ mayHold }) => mayHold.length > 0)
          .map(({ name, why, mayHold }) => {
            const ids = mayHold.map((node) => node.replace("/dev/davinci", "")).join(", ");
            const fix = `make sure that it uses none of ${ids} (\`npu-smi info\` lists the processes), or stop it`;
            return failed(`the container ${name} ${why}`, fix);
          }),
        "none that is privileged or the like",
      ),
    );
  },
};

/** Containers that are not of the stack, and hold or may hold one of its NPUs. */
const strangers = ({ engine, wanted }: HostFacts, nodes: readonly string[]) =>
  through(engine, ({ alive }) => ({
    value: holdersOf(
      nodes,
      alive.filter(({ Config }) => !isOf(wanted.stack, Config.Labels)),
    ),
  }));

export const noProcesses: HostCheck = {
  code: "HC205",
  severity: "error",
  title: "no process of somebody else runs on an NPU of the stack",
  why: "It has the NPU's memory, and the port on which HCCL listens there; the instance fails while it starts.",
  source: "HCCL error codes, EI0020; vllm-project/vllm-ascend, issue 1955",
  check: (host) => {
    const { engine } = host;
    const ours = "value" in engine ? engine.value.alive : [];
    const ids = ours.filter((one) => isOf(host.wanted.stack, one.Config.Labels)).map(({ Id }) => Id);
    return ofEachNpu(host, ({ id }) =>
      seeing(npuInfoOf(host), ({ devices, processes }) => {
        const device = devices.find((one) => one.id === id);
        if (processes === undefined) return unseen("this release of npu-smi lists no processes");
        if (device === undefined) return unseen(`npu-smi lists no NPU ${id}`);
        const here = processes.filter(({ npu, chip }) => npu === device.npu && chip === device.chip);
        if (here.length > 0 && "unreadable" in engine) return unseen("which containers run is not known");
        const foreign = here.filter(({ pid }) => !ids.some((one) => cgroupOf(host, pid).includes(one)));
        if (foreign.length === 0) return ok(here.length === 0 ? "none" : "this stack's own");
        const [first] = foreign.map(({ pid, name }) => `${pid} (${name})`);
        const seen = `NPU ${id} is used by process ${first}`;
        return failed(seen, `end it ${on(host)}, or take another NPU in the stack file`);
      }),
    );
  },
};

function cgroupOf({ said }: HostFacts, pid: number): string {
  const owners = said("owners");
  const lines = "value" in owners ? owners.value.split("\n") : [];
  return lines.find((line) => line.startsWith(`${pid} `)) ?? "";
}
