import { type Container, type Image, nameOf } from "../../docker/answers.ts";
import { dockerContainer } from "../../planning/container/docker-container.ts";
import { everyContainer, isOf } from "../../planning/container/settings.ts";
import type { ContainerPlan, HostPlan } from "../../planning/plan.ts";
import type { PropertyChange } from "../differences/change.ts";
import { asArray, asObject, containerProperties, differences } from "../differences/properties.ts";
import { isSecretObject } from "../differences/secrets.ts";
import type { Compared, HostAnswer } from "./compared.ts";
import type { DeployedContainer } from "./deployed.ts";
import { fileDifferences, type Upload } from "./files.ts";
import type { Difference, Finding, Kind } from "./finding.ts";
import { type DockerContainer, propertyDifferences } from "./properties.ts";
import * as remedies from "./remedies.ts";

/** How a planned container differs from `there`, the one that stands for it, if any does. */
export function plannedContainer(
  { plan: { stack, adminSocket }, imageName, deployed }: Compared,
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
  const isRenewed = plan.role === "scheduler" && adminSocket !== undefined && isPulumis;
  const recreate = isPulumis
    ? remedies.replace(stack, name)
    : remedies.removeAndMake(stack, host, nameOf(there));
  const told = new Set(pending.map(({ property }) => property));
  const changed = propertiesOf(planned, plan.secretEnv, there, answer).filter(
    ({ property }) => !told.has(property),
  );
  const state = stateDifference(there);
  const files = (former === undefined ? planned.uploads : uploadsOf(former)).flatMap((upload) =>
    fileDifferences(upload, answer.files.get(there.Id)?.get(upload.file) ?? { problem: "none" }),
  );

  if (deployed === undefined ? !isOf(stack, there.Config.Labels) : !isPulumis) {
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
    ...found("rank-table", files, isRenewed ? remedies.renew(stack, name) : recreate),
  ];
}

/** What the stack file, or the program, says now and did not say when the container was brought up. */
function changesOf(planned: DockerContainer, { inputs }: DeployedContainer): PropertyChange[] {
  const names = Object.keys(planned).filter((name) => !holdsSecret(inputs[name]));
  const pick = (all: object) =>
    Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name)));
  return differences(containerProperties(pick(planned)), containerProperties(pick(inputs)));
}

/** Such a property cannot be compared: the state has it encrypted. */
const holdsSecret = (value: unknown): boolean =>
  typeof value === "object" &&
  value !== null &&
  (isSecretObject(value) || Object.values(value).some(holdsSecret));

function uploadsOf({ inputs }: DeployedContainer): Upload[] {
  return asArray(inputs.uploads)
    .map(asObject)
    .map(({ file, content, permissions }) => ({
      file: String(file),
      content: String(content),
      permissions: permissions as Upload["permissions"],
    }));
}

function propertiesOf(
  planned: DockerContainer,
  secretEnv: readonly string[] = [],
  there: Container,
  { images }: HostAnswer,
): PropertyChange[] {
  const { Image } = there.Config;
  const image = Image === planned.image ? [] : [{ property: "image", old: planned.image, new: Image }];
  return [...image, ...propertyDifferences(planned, secretEnv, there, images.get(there.Image))];
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

function asDifference({ property, old = "none", new: there = "none" }: PropertyChange): Difference {
  return { what: property, planned: old, there: there === old ? `${there}, another one` : there };
}

const short = (id: string): string => id.replace(/^sha256:/, "").slice(0, 12);
