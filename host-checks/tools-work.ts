import {
  failed,
  type HostCheck,
  noNpus,
  notApplicable,
  ok,
  on,
  seeing,
  unseen,
  type Verdict,
} from "./check.ts";
import type { HostFacts } from "./facts.ts";
import { generationHere, hccnAnswers, npuInfoOf } from "./npu-readings.ts";
import { isBusy, type Reading, unreadable } from "./tools/reading.ts";

export const npuSmiWorks: HostCheck = {
  code: "HC308",
  severity: "error",
  title: "npu-smi works",
  why: "Where it fails as a whole, engines, which use the same driver, do too; and nothing is known of any NPU.",
  source: "Project-HAMi/HAMi, issue 615: a missing library; vllm-project/vllm-ascend, issue 632: -8020",
  check: (host) => {
    if (host.wanted.npus.length === 0) return noNpus;
    const info = npuInfoOf(host);
    if ("value" in info) return ok(`npu-smi ${info.value.release ?? "of an unknown release"}`);
    const said = host.said("npu-smi info");
    const code = host.code("npu-smi info");
    // A table that is not understood is no failure of the tool's.
    if (code === undefined || ("value" in said && /^\s*\|/m.test(said.value))) return unseen(info.unreadable);
    return whole(host, "npu-smi info", "npu-smi", info.unreadable);
  },
};

export const hccnToolWorks: HostCheck = {
  code: "HC309",
  severity: "error",
  title: "hccn_tool works",
  why: "Where it fails for every NPU, addresses, links and encryption of their network stay unseen, which is no sign that they are well.",
  source: "hccn_tool: permission denied, please check the run environment; a missing library",
  check: (host) => {
    const { npus } = host.wanted;
    if (npus.length === 0) return noNpus;
    return seeing(host.said("hccn_tool"), (path) => {
      if (path.trim() === "") return unseen("there is no hccn_tool");
      const answers = npus.flatMap(({ id }) => hccnAnswers(host, id));
      const failures = answers.flatMap(({ section, reading }) =>
        "unreadable" in reading ? [{ section, reason: reading.unreadable }] : [],
      );
      const [first] = failures;
      const answered = answers.length - failures.length;
      if (first === undefined || answered > 0)
        return ok(`it answers ${answered} of ${answers.length} questions`);
      const generation = generationHere(host);
      if (generation?.lacks !== undefined)
        return notApplicable(`${generation.name} is not supported: ${generation.lacks}`);
      if (failures.some(({ section, reason }) => host.code(section) === undefined || isBusy(reason)))
        return unseen(first.reason);
      return whole(host, first.section, "hccn_tool", first.reason);
    });
  },
};

/** A tool that says nothing at all; to others than root that is its right. */
function whole(host: HostFacts, section: string, tool: string, reason: string): Verdict {
  const code = host.code(section);
  const seen = `${tool} fails as a whole: ${reason}, and ended with ${code}`;
  const user = host.said("user");
  const id = "value" in user ? user.value.trim() : "?";
  if (id !== "0") return unseen(`${seen}; the user of that connection (number ${id}) is not root`);
  const said = textOf(host.said(section));
  return failed(
    code === 137 ? `${tool} did not end in time, and was killed` : seen,
    fixOf(said, code, tool, on(host)),
  );
}

const textOf = (reading: Reading<string>): string =>
  "value" in reading ? `${reading.value}\n${unreadable(reading.value).unreadable}` : reading.unreadable;

function fixOf(said: string, code: number | undefined, tool: string, place: string): string {
  if (code === 137)
    return `\`dmesg\` ${place} names the NPU that does not answer; restart the host where that lasts`;
  if (/shared librar|cannot open shared object|symbol lookup/i.test(said))
    return `\`ldd $(command -v ${tool})\` ${place} names the library; install the whole driver there, then \`ldconfig\``;
  if (code === 126 || /denied|权限/i.test(said))
    return `\`ls -l $(command -v ${tool})\` ${place}: root must be allowed to run it, on the host itself and in no container`;
  if (/-80(05|20)|in use|is used/.test(said))
    return `a container or a process keeps the driver ${place}: \`fuser -v /dev/davinci_manager\` as root names it`;
  return `see what \`${tool}\` prints ${place}; install the NPU driver anew, or restart the host, where it keeps failing`;
}

export const generationSupported: HostCheck = {
  code: "HC310",
  severity: "warning",
  title: "the NPUs are of a generation that stacks run on",
  why: "Engines, their images and the nodes that containers are given here are those of A2 and A3.",
  source: "the manual, precondition: Snt9b; vllm-project/vllm-ascend, supported hardware of PD separation",
  check: (host) => {
    if (host.wanted.npus.length === 0) return noNpus;
    return seeing(npuInfoOf(host), ({ devices }) => {
      const generation = generationHere(host);
      if (generation === undefined) return unseen(`${devices[0]?.name} is of no generation that is known`);
      if (generation.lacks === undefined) return ok(generation.name);
      const fix = "run the stack on A2 or A3 hosts, or leave this one out of the stack file";
      // The stack may name none of them, where its NPUs are those of another kind of host.
      const cards = devices.map(({ id, health }) => `${id ?? "?"} ${health}`).join(", ");
      return failed(`${generation.name} is not supported: ${generation.lacks} (NPU ${cards})`, fix);
    });
  },
};
