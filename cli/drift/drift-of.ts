import { hostsAtOnce, mapAtOnce } from "../../hosts/at-once.ts";
import type { HostPlan, ImagePlan, Plan } from "../../planning/plan.ts";
import { visible, visibleLines } from "../../problems/text.ts";
import { nodeImageName } from "../../toolchain/node-image.ts";
import { repositoryDir } from "../../toolchain/repository.ts";
import { sourceImage } from "../../toolchain/source-image.ts";
import { askHost } from "./ask-host.ts";
import { deployedContainers } from "./deployed.ts";
import { findDrift } from "./find-drift.ts";
import { boundedText, type Finding } from "./finding.ts";
import { notesOn } from "./npus.ts";
import type { Report } from "./report.ts";

/**
 * What differs on `hosts` from the Plan. Hosts are asked side by side; one that does not answer stops no other, and is
 * told as soon as that is known.
 */
export async function driftOf(
  plan: Plan,
  hosts: readonly HostPlan[] = plan.hosts,
  tell: (problem: string) => void = () => {},
): Promise<Report> {
  const [known, nodeImage] = await Promise.all([deployedContainers(plan.stack), nodeImageName()]);
  const deployed = "unknown" in known ? undefined : known;
  const names = new Map<string, string>();
  const imageName = (image: ImagePlan): string => {
    if (image.kind !== "source") return image.name;
    const { folder } = image;
    const name = names.get(folder) ?? sourceImage(folder, plan.stack, nodeImage, repositoryDir).name;
    names.set(folder, name);
    return name;
  };

  const findings: Finding[] = [];
  const notes: string[] = [];
  const problems: { host: string; message: string }[] = [];
  const asked = await mapAtOnce(hosts, hostsAtOnce, async (host) => {
    const answer = await askHost(plan, host);
    if ("problem" in answer) tell(visibleLines(answer.problem));
    return [host, answer] as const;
  });
  for (const [host, answer] of asked) {
    if ("problem" in answer) problems.push({ host: host.name, message: visibleLines(answer.problem) });
    else {
      findings.push(...findDrift({ plan, imageName, deployed }, host, answer));
      notes.push(...notesOn(plan, host, answer).map(boundedText));
    }
  }
  return {
    stack: plan.stack,
    hosts: asked.flatMap(([{ name }, answer]) => ("problem" in answer ? [] : [name])),
    problems,
    ...("unknown" in known && { stateUnknown: visible(known.unknown) }),
    findings,
    notes,
  };
}
