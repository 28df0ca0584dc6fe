import { readFileSync } from "node:fs";
import { bundle } from "../../../toolchain/bundle.ts";

/** What an image of this repository holds, and how a container of it starts: as its Dockerfile says. */
export interface Image {
  readonly path: string;
  readonly script: Uint8Array;
  readonly entryPoint: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly user: number;
}

const folders = ["scheduler", "simulator"];
const made = new Map<string, Image>();

/** `REGISTRY/scheduler:TAG`; undefined where the name is of no image of this repository, which a node cannot pull here. */
export function imageOf(name: string): Image | undefined {
  const folder = folders.find((one) => new RegExp(`/${one}:[\\w.-]+$`).test(name));
  if (folder === undefined) return undefined;
  const image = made.get(folder) ?? readImage(folder);
  made.set(folder, image);
  return image;
}

function readImage(folder: string): Image {
  const lines = readFileSync(`${folder}/Dockerfile`, "utf8").split("\n");
  const said = (word: string) =>
    lines.find((line) => line.startsWith(`${word} `))?.slice(word.length + 1) ?? "";
  const entryPoint: string[] = JSON.parse(said("ENTRYPOINT"));
  return {
    path: said("COPY").split(" ")[1] ?? "",
    script: bundle(folder),
    entryPoint,
    env: Object.fromEntries(
      said("ENV")
        .split(" ")
        .map((pair) => pair.split("=", 2) as [string, string]),
    ),
    user: Number(said("USER")),
  };
}
