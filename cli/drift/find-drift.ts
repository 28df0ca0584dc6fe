import { everyContainer, stackLabel } from "../../planning/container-settings.ts";
import { dockerContainer } from "../../planning/docker-container.ts";
import { isNpuNode } from "../../planning/engines/devices.ts";
import { heldNodes } from "../../planning/host-checks/devices.ts";
import type { ContainerPlan, HostPlan, ImagePlan, Plan } from "../../planning/plan.ts";
import type { PropertyChange } from "../diff/change.ts";
import { visible } from "../diff/markdown-text.ts";
import { asArray, asObject, containerProperties, differences } from "../diff/properties.ts";
import { isSecretObject } from "../diff/secrets.ts";
import type { Deployed, DeployedContainer } from "./deployed.ts";
import { type Container, type Image, isAlive } from "./engine-answers.ts";
import { type Difference, fileDifferences, type SeenFile, type Upload } from "./files.ts";
import { type DockerContainer, propertyDifferences } from "./properties.ts";
import * as remedies from "./remedies.ts";

export type Kind =
  | "not-brought-up"
  | "removed"
  | "replaced"
  | "renamed"
  | "stopped"
  | "paused"
  | "restarting"
  | "changed"
  | "image"
  | "rank-table"
  | "unplanned"
  | "npus-held";

export interface Finding {
  readonly kind: Kind;
  readonly host: string;
  readonly container: string;
  readonly differences: readonly Difference[];
  /** A command. */
  readonly remedy: string;
}

/** What a host's engine says. */
export interface HostAnswer {
  /** Those that run, those of the stack, and those with a name that the Plan gives. */
  readonly containers: readonly Container[];
  /** By name and by id, as far as the host has them: the images of the stack's containers. */
  readonly images: ReadonlyMap<string, Image>;
  /** By the container's id, then by path. */
  readonly files: ReadonlyMap<string, ReadonlyMap<string, SeenFile>>;
}

export interface Compared {
  readonly plan: Plan;
  /** What an image is called on its host. */
  readonly imageName: (image: ImagePlan) => string;
  /** What Pulumi brought up; undefined where that cannot be known. */
  readonly deployed: Deployed | undefined;
}

/** Where a host differs from the Plan, containers in the Plan's order. */
export function findDrift(compared: Compared, host: HostPlan, answer: HostAnswer): Finding[] {
  const { plan } = compared;
  const planned = plan.containers.filter((container) => container.host === host.name);
  const pairs = planned.map((container) => [container, standIn(container, plan, answer.containers)] as const);
  const paired = new Set(pairs.map(([, container]) => container?.Id));
  const others = answer.containers.filter(({ Id }) => !paired.has(Id));
  return [
    ...pairs.flatMap(([container, there]) => ofContainer(compared, host, answer, container, there)),
    ...others.flatMap((other) =>
      isOf(plan.stack, other) ? leftOver(compared, host, other) : holder(planned, host, other),
    ),
  ].map(bounded);
}

/** The container that stands for a planned one: by its name, else the one that was renamed. */
export function standIn(
  { name, env }: ContainerPlan,
  { stack, containers }: Plan,
  there: readonly Container[],
): Container | undefined {
  const names = new Set(containers.map((container) => container.name));
  const table = `RANK_TABLE_FILE_PATH=${env.RANK_TABLE_FILE_PATH}`;
  return (
    there.find((container) => nameOf(container) === name) ??
    there.find((one) => isOf(stack, one) && !names.has(nameOf(one)) && one.Config.Env.includes(table))
  );
}

export const nameOf = ({ Name }: Container): string => Name.replace(/^\//, "");

const isOf = (stack: string, { Config }: Container): boolean => Config.Labels[stackLabel] === stack;

function ofContainer(
  { plan: { stack }, imageName, deployed }: Compared,
  host: HostPlan,
  answer: HostAnswer,
  plan: ContainerPlan,
  there: Container | undefined,
): Finding[] {
  const { name } = plan;
  const planned = dockerContainer(plan, imageName(plan.image), stack);
  const former = deployed?.get(name);
  const found = (kind: Kind, differences: readonly Difference[], remedy: string): Finding[] =>
    differences.length === 0 ? [] : [{ kind, host: host.name, container: name, differences, remedy }];
  const notBroughtUp = (differences: readonly Difference[]) =>
    found("not-brought-up", differences, remedies.up(stack));

  if (deployed !== undefined && former === undefined && there === undefined)
    return notBroughtUp([{ what: "container", planned: "running", there: "none" }]);
  if (former !== undefined && former.host !== host.name)
    return notBroughtUp([{ what: "host", planned: host.name, there: former.host }]);

  const pending = former === undefined ? [] : changesOf(planned, former);
  const waiting = notBroughtUp(pending.map(asDifference));
  if (there === undefined) {
    const gone = [{ what: "container", planned: "running", there: "none" }];
    return [...waiting, ...found("removed", gone, remedies.up(stack, "--refresh"))];
  }

  const isPulumis = former?.id === there.Id;
  const recreate = isPulumis
    ? remedies.replace(stack, name)
    : remedies.removeAndMake(stack, host, nameOf(there));
  const told = new Set(pending.map(({ property }) => property));
  const changed = propertiesOf(planned, there, answer).filter(({ property }) => !told.has(property));
  const state = stateDifference(there);
  const files = (former === undefined ? planned.uploads : uploadsOf(former)).flatMap((upload) =>
    fileDifferences(upload, answer.files.get(there.Id)?.get(upload.file) ?? { problem: "none" }),
  );

  if (deployed === undefined ? !isOf(stack, there) : !isPulumis) {
    const identity = {
      what: "container",
      planned: former === undefined ? "the one of `pulumi up`" : short(former.id),
      there: `${short(there.Id)}, made by other means`,
    };
    const all = [identity, ...state, ...changed.map(asDifference), ...files];
    return [...waiting, ...found("replaced", all, recreate)];
  }

  const otherName = nameOf(there) === name ? [] : [{ what: "name", planned: name, there: nameOf(there) }];
  const restartOnly = changed.every(({ property }) => property === "restart");
  const status = there.State.Status;
  return [
    ...waiting,
    ...found("renamed", otherName, remedies.docker(host, "rename", nameOf(there), name)),
    ...(status === "paused"
      ? found("paused", state, remedies.docker(host, "unpause", nameOf(there)))
      : status === "restarting"
        ? found(
            "restarting",
            state,
            `${remedies.docker(host, "logs", "--tail=20", nameOf(there))}; ${recreate}`,
          )
        : found("stopped", state, remedies.up(stack, "--refresh"))),
    ...found(
      "changed",
      changed.map(asDifference),
      restartOnly
        ? remedies.docker(host, "update", `--restart=${everyContainer.restart}`, nameOf(there))
        : recreate,
    ),
    ...found(
      "image",
      imageDifference(there, answer.images),
      // The tag of an image that is made from the repository says what is in it.
      plan.image.kind === "source" ? remedies.docker(host, "tag", there.Image, there.Config.Image) : recreate,
    ),
    ...found("rank-table", files, recreate),
  ];
}

/** What the stack file, or the program, says now and did not say when the container was brought up. */
function changesOf(planned: DockerContainer, { inputs }: DeployedContainer): PropertyChange[] {
  const names = Object.keys(planned).filter((name) => !isSecretObject(Object(inputs[name])));
  const pick = (all: object) =>
    Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name)));
  return differences(containerProperties(pick(planned)), containerProperties(pick(inputs)));
}

function uploadsOf({ inputs }: DeployedContainer): Upload[] {
  return asArray(inputs.uploads)
    .map(asObject)
    .map(({ file, content, permissions }) => ({
      file: String(file),
      content: String(content),
      permissions: permissions as Upload["permissions"],
    }));
}

function propertiesOf(planned: DockerContainer, there: Container, { images }: HostAnswer): PropertyChange[] {
  const { Image } = there.Config;
  const image = Image === planned.image ? [] : [{ property: "image", old: planned.image, new: Image }];
  return [...image, ...propertyDifferences(planned, there, images.get(there.Image))];
}

function stateDifference({ State: { Status, ExitCode } }: Container): Difference[] {
  if (Status === "running") return [];
  const there = Status === "exited" ? `exited with code ${ExitCode}` : Status;
  return [{ what: "state", planned: "running", there }];
}

function imageDifference({ Image, Config }: Container, images: ReadonlyMap<string, Image>): Difference[] {
  const now = images.get(Config.Image)?.Id;
  if (now === Image) return [];
  return [
    { what: `image ${Config.Image}`, planned: now === undefined ? "none" : short(now), there: short(Image) },
  ];
}

/** A container with our label that the Plan does not have here. */
function leftOver({ plan, deployed }: Compared, host: HostPlan, other: Container): Finding[] {
  const name = nameOf(other);
  const isPulumis = deployed?.get(name)?.id === other.Id;
  // Its host changed, which is told there.
  if (isPulumis && plan.containers.some((container) => container.name === name)) return [];
  return [
    {
      kind: isPulumis ? "not-brought-up" : "unplanned",
      host: host.name,
      container: name,
      differences: [{ what: "container", planned: "none", there: other.State.Status }],
      remedy: isPulumis ? remedies.up(plan.stack) : remedies.docker(host, "rm", "--force", name),
    },
  ];
}

/** Docker gives an NPU to any number of containers, of which only one can use it. */
function holder(planned: readonly ContainerPlan[], host: HostPlan, other: Container): Finding[] {
  if (!isAlive(other.State.Status)) return [];
  const name = nameOf(other);
  const differences = planned.flatMap((container) => {
    const nodes = new Set(container.devices.map(({ hostPath }) => hostPath).filter(isNpuNode));
    return heldNodes(other, nodes).map((node) => ({
      what: node,
      planned: container.name,
      there: `${name} holds it too`,
    }));
  });
  if (differences.length === 0) return [];
  const remedy = remedies.docker(host, "stop", name);
  return [{ kind: "npus-held", host: host.name, container: name, differences, remedy }];
}

function asDifference({ property, old = "none", new: there = "none" }: PropertyChange): Difference {
  return { what: property, planned: old, there: there === old ? `${there}, another one` : there };
}

const short = (id: string): string => id.replace(/^sha256:/, "").slice(0, 12);

const most = 50;
const longest = 400;

/** What others wrote, with an end and without what a terminal obeys. */
function bounded({ kind, host, container, differences, remedy }: Finding): Finding {
  const shown = (text: string) => visible(text.length <= longest ? text : `${text.slice(0, longest)}…`);
  const rest = differences.length - most;
  const more = rest > 0 ? [{ what: `${rest} more`, planned: "", there: "" }] : [];
  const all = [...differences.slice(0, most), ...more].map(({ what, planned, there }) => ({
    what: shown(what),
    planned: shown(planned),
    there: shown(there),
  }));
  return { kind, host, container: shown(container), differences: all, remedy: visible(remedy) };
}
