import type { HostPlan, ImagePlan, Plan } from "../../planning/plan.ts";
import { nodeImageName } from "../../toolchain/node-image.ts";
import { repositoryDir } from "../../toolchain/repository.ts";
import { sourceImage } from "../../toolchain/source-image.ts";
import { visible } from "../diff/markdown-text.ts";
import { askHost } from "./ask-host.ts";
import { deployedContainers } from "./deployed.ts";
import { findDrift } from "./find-drift.ts";
import type { Report } from "./report.ts";

/** What differs on `hosts` from the Plan. Hosts are asked side by side; one that does not answer stops no other. */
export async function driftOf(plan: Plan, hosts: readonly HostPlan[] = plan.hosts): Promise<Report> {
  const [known, nodeImage] = await Promise.all([deployedContainers(plan.stack), nodeImageName()]);
  const deployed = "unknown" in known ? undefined : known;
  const names = new Map<string, string>();
  const imageName = (image: ImagePlan): string => {
    if (image.kind === "reference") return image.name;
    const { folder } = image;
    const name = names.get(folder) ?? sourceImage(folder, plan.stack, nodeImage, repositoryDir).name;
    names.set(folder, name);
    return name;
  };

  const answers = await Promise.all(hosts.map(async (host) => [host, await askHost(plan, host)] as const));
  return {
    stack: plan.stack,
    hosts: answers.flatMap(([{ name }, answer]) => ("problem" in answer ? [] : [name])),
    problems: answers.flatMap(([{ name }, answer]) =>
      "problem" in answer ? [{ host: name, message: lines(answer.problem) }] : [],
    ),
    ...("unknown" in known && { stateUnknown: visible(known.unknown) }),
    findings: answers.flatMap(([host, answer]) =>
      "problem" in answer ? [] : findDrift({ plan, imageName, deployed }, host, answer),
    ),
  };
}

const lines = (text: string): string => text.split("\n").map(visible).join("\n");
