import { readFileSync } from "node:fs";
import type { ImagePlan, Plan } from "../../planning/plan.ts";
import type { Compared, HostAnswer } from "./compared.ts";
import { type Container, type Image, readContainer, readImage } from "./engine-answers.ts";
import type { SeenFile } from "./files.ts";

/** Untouched containers of a stack, as a real engine told of them; test/capture-inspects.ts writes these. */
export function recorded(name: "simulated" | "ascendcloud"): { compared: Compared; answer: HostAnswer } {
  const { plan, containers, images, files } = JSON.parse(
    readFileSync(`cli/drift/fixtures/${name}.json`, "utf8"),
  ) as {
    plan: Plan;
    containers: Container[];
    images: [string, Image][];
    files: [string, [string, SeenFile][]][];
  };
  const isOf = (folder: string) => (one: Container) => one.Config.Image.startsWith(`ascend-pd/${folder}:`);
  const imageName = (image: ImagePlan): string =>
    image.kind === "reference" ? image.name : (containers.find(isOf(image.folder))?.Config.Image ?? "none");
  return {
    compared: { plan, imageName, deployed: undefined },
    answer: {
      containers: containers.map((one) => readContainer(JSON.stringify(one))),
      images: new Map(images.map(([key, image]) => [key, readImage(JSON.stringify(image))])),
      files: new Map(files.map(([id, seen]) => [id, new Map(seen)])),
    },
  };
}
