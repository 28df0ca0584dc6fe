import { readFileSync } from "node:fs";
import { type Container, type Image, readContainer, readImage } from "../../docker/answers.ts";
import { dockerContainer } from "../../planning/container/docker-container.ts";
import type { ImagePlan, Plan } from "../../planning/plan.ts";
import type { Compared, HostAnswer } from "../drift/compared.ts";
import type { Deployed } from "../drift/deployed.ts";
import type { SeenFile } from "../drift/files.ts";
import { findDrift } from "../drift/find-drift.ts";
import type { Finding } from "../drift/finding.ts";

/** Untouched containers of a stack, as a real engine told of them; test/capture-inspects.ts writes these. */
export function recorded(name: "simulated" | "ascendcloud"): { compared: Compared; answer: HostAnswer } {
  const { plan, containers, images, files } = JSON.parse(
    readFileSync(`cli/testing/inspects/${name}.json`, "utf8"),
  ) as {
    plan: Plan;
    containers: Container[];
    images: [string, Image][];
    files: [string, [string, SeenFile][]][];
  };
  const isOf = (folder: string) => (one: Container) => one.Config.Image.startsWith(`ascend-pd/${folder}:`);
  const imageName = (image: ImagePlan): string =>
    image.kind !== "source" ? image.name : (containers.find(isOf(image.folder))?.Config.Image ?? "none");
  return {
    compared: { plan, imageName, deployed: undefined },
    answer: {
      containers: containers.map((one) => readContainer(JSON.stringify(one))),
      images: new Map(images.map(([key, image]) => [key, readImage(JSON.stringify(image))])),
      files: new Map(files.map(([id, seen]) => [id, new Map(seen)])),
    },
  };
}

type Recorded = ReturnType<typeof recorded>;

export function find({ compared, answer }: Recorded): Finding[] {
  return compared.plan.hosts.flatMap((host) => findDrift(compared, host, answer));
}

/** What is found when the container that `role` names is changed. */
export function findAfter(change: (container: Container) => unknown, index = 0): Finding[] {
  const { compared, answer } = recorded("simulated");
  const container = structuredClone(containerOf(compared, answer, index));
  change(container);
  return find({
    compared,
    answer: { ...answer, containers: others(answer, container.Id).concat(container) },
  });
}

export function containerOf({ plan }: Compared, { containers }: HostAnswer, index: number): Container {
  const found = containers.find(({ Name }) => Name === `/${plan.containers[index]?.name}`);
  if (found === undefined) throw new Error(`no container ${index}`);
  return found;
}

export const others = ({ containers }: HostAnswer, id: string) => containers.filter(({ Id }) => Id !== id);

/** What Pulumi's state says after an `up` of what is recorded. */
export function deployedOf({
  compared,
  answer,
}: Recorded): Map<string, NonNullable<ReturnType<Deployed["get"]>>> {
  const { plan, imageName } = compared;
  return new Map(
    plan.containers.map((container, index) => [
      container.name,
      {
        id: containerOf(compared, answer, index).Id,
        host: container.host,
        inputs: dockerContainer(container, imageName(container.image), plan.stack),
      },
    ]),
  );
}
