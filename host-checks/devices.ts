import type { Container } from "../docker/answers.ts";
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
import { type Engine, type HostFacts, through } from "./facts.ts";
import { holdersOf } from "./holders.ts";
import { generationHere, npuOf, processesOf } from "./npu-readings.ts";

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

const svmNode = "/dev/devmm_svm";

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
    const generation = generationHere(host);
    const svm = host.kind(svmNode);
    if (generation?.name === "Ascend 950" && "value" in svm && svm.value === "missing") {
      const seen = `there is no ${svmNode}, which every container is given here: ${generation.name} has none, and is not supported`;
      return failed(seen, "run the stack on A2 or A3 hosts, or leave this one out of the stack file");
    }
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
    const ids = "value" in engine ? ownContainers(host, engine.value).map(({ Id }) => Id) : [];
    return ofEachNpu(host, ({ id }) =>
      seeing(processesOf(host, id), (here) => {
        if (here.length > 0 && "unreadable" in engine) return unseen("which containers run is not known");
        const foreign = here.filter(({ pid }) => !ids.some((one) => cgroupOf(host, pid).includes(one)));
        if (foreign.length === 0) return ok(here.length === 0 ? "none" : "this stack's own");
        const [first] = foreign.map(({ pid, name }) => `${pid} (${name || "no name"})`);
        const seen = `NPU ${id} is used by process ${first}`;
        return failed(seen, `end it ${on(host)}, or take another NPU in the stack file`);
      }),
    );
  },
};

/** MB and share of its memory that an NPU may have in use of its own; idle ones of each generation have less. */
const ownUse = { mb: 4096, share: 0.1 };

export const noHiddenUse: HostCheck = {
  code: "HC206",
  severity: "warning",
  title: "no memory of an NPU of the stack is in use that no process accounts for",
  why: "npu-smi does not see processes in some containers, and none of a driver that kept memory: an NPU without a process may be in use all the same.",
  source:
    "vllm-project/vllm-ascend, issue 5707: 59,891 of 65,536 MB in use; HAMi, processes that npu-smi does not list",
  check: (host) =>
    ofEachNpu(host, ({ id }) =>
      seeing(npuOf(host, id), ({ memory }) => {
        if (memory === undefined) return unseen("npu-smi does not tell how much memory is in use");
        const { usedMb, totalMb } = memory;
        const processes = processesOf(host, id);
        const listed = "value" in processes ? processes.value : [];
        const told = listed.reduce((sum, { memoryMb = totalMb }) => sum + memoryMb, 0);
        if (usedMb - told <= Math.max(ownUse.mb, totalMb * ownUse.share)) return ok(`${usedMb} MB`);
        if ("unreadable" in host.engine) return unseen("which containers run is not known");
        const own = ownContainers(host, host.engine.value);
        if (holdersOf([`/dev/davinci${id}`], own).length > 0) return ok("this stack's own");
        const account =
          listed.length === 0 ? "npu-smi lists no process there" : `its processes account for ${told} MB`;
        const fix = `find who uses it: \`fuser -v /dev/davinci${id}\` as root ${on(host)} names processes in containers too; where it names none, a reset of the card frees it`;
        return failed(`${usedMb} of ${totalMb} MB of NPU ${id} are in use, and ${account}`, fix);
      }),
    ),
};

const ownContainers = ({ wanted }: HostFacts, { alive }: Engine): readonly Container[] =>
  alive.filter(({ Config }) => isOf(wanted.stack, Config.Labels));

function cgroupOf({ said }: HostFacts, pid: number): string {
  const owners = said("owners");
  const lines = "value" in owners ? owners.value.split("\n") : [];
  return lines.find((line) => line.startsWith(`${pid} `)) ?? "";
}
