import { instanceLabel } from "../../kubernetes/names.ts";
import type { KubernetesObject } from "../../kubernetes/object.ts";
import { type ClusterPlan, kubernetesObjects, registryName, secretName } from "../../kubernetes/objects.ts";
import { yaml } from "../../kubernetes/yaml.ts";
import type { FilePlan } from "../../planning/plan.ts";
import { shortName } from "../../planning/short-name.ts";
import { word } from "../../problems/shell-word.ts";
import { comment } from "./shell.ts";
import { bundleCommand } from "./source-images.ts";

/** The manifest of a stack on a cluster: one file, in the order in which it is applied. */
export function kubernetesManifest(plan: ClusterPlan): string {
  const apply = `kubectl apply --server-side --field-manager=ascend-pd${contextOf(plan)} --filename FILE`;
  return `${comment(header(plan, apply))}\n${documents(kubernetesObjects(plan))}`;
}

/**
 * The same in a folder: what all instances share, and a file for each and for the scheduler; with `isBase`, a Kustomize base. Names are in the
 * order in which \`kubectl apply\` reads them.
 */
export function kubernetesFiles(plan: ClusterPlan, isBase: boolean): FilePlan[] {
  const apply = `kubectl apply --server-side --field-manager=ascend-pd${contextOf(plan)} ${isBase ? "--kustomize" : "--filename"} FOLDER`;
  const files = [...Map.groupBy(kubernetesObjects(plan), (object) => fileOf(plan, object))].map(
    ([path, objects]) => ({ path, content: documents(objects) }),
  );
  const resources = files.map(({ path }) => path).sort();
  const kustomization = { apiVersion: "kustomize.config.k8s.io/v1beta1", kind: "Kustomization", resources };
  const base = { path: "kustomization.yaml", content: yaml(kustomization) };
  const [first, ...others] = isBase ? [base, ...files] : files;
  if (first === undefined) return [];
  return [{ ...first, content: `${comment(header(plan, apply))}\n${first.content}` }, ...others];
}

const documents = (objects: readonly KubernetesObject[]): string => objects.map(yaml).join("---\n");

function fileOf({ stack }: ClusterPlan, { metadata: { labels } }: KubernetesObject): string {
  const instance = labels?.[instanceLabel];
  if (instance === undefined) return "0-stack.yaml";
  const name = shortName(instance, stack);
  return name === "scheduler" ? "2-scheduler.yaml" : `1-${name}.yaml`;
}

const contextOf = ({ kubernetes: { context } }: ClusterPlan): string =>
  context === undefined ? "" : ` --context=${word(context)}`;

/** What has to be there before, which no manifest can bring. */
function header(plan: ClusterPlan, apply: string): string {
  const { stack, kubernetes, containers } = plan;
  const { namespace, pullSecret, weights } = kubernetes;
  const secrets = [...new Set(containers.flatMap(({ secretEnv }) => secretEnv ?? []))].sort();
  const own = new Map(
    containers.flatMap(({ image }) =>
      image.kind === "reference" ? [] : [[registryName(plan)(image), image]],
    ),
  );
  const kubectl = `kubectl${contextOf(plan)} --namespace=${namespace}`;
  return [
    `Stack ${stack} on Kubernetes. Applied by:`,
    `  ${apply}`,
    "What has to be there before:",
    `- its namespace: kubectl${contextOf(plan)} create namespace ${namespace}`,
    ...(pullSecret === undefined
      ? []
      : [
          `- the Secret ${pullSecret}: ${kubectl} create secret docker-registry ${pullSecret} --docker-server=…`,
        ]),
    ...(weights?.claim === undefined
      ? []
      : [`- the PersistentVolumeClaim ${weights.claim}, with the weights`]),
    ...(secrets.length === 0
      ? []
      : [
          `- the Secret ${secretName(stack)}, since no file here has its values, from a file with a line NAME=VALUE for ${secrets.join(", ")}:`,
          `  ${kubectl} create secret generic ${secretName(stack)} --from-env-file=secrets.env`,
        ]),
    "- its images that no registry has, for every architecture of the nodes: in a clone of ascend-pd, after `npm install`:",
    ...[...own].flatMap(([name, image]) =>
      image.kind === "source"
        ? [
            `  ${bundleCommand(image.folder)}`,
            `  docker buildx build --platform=linux/amd64,linux/arm64 --push --tag=${word(name)} --file=${image.folder}/Dockerfile dist/${image.folder}`,
          ]
        : [
            "  npm run toolchain -- vllm-image",
            `  docker tag ${word(image.name)} ${word(name)}`,
            `  docker push ${word(name)}`,
          ],
    ),
  ].join("\n");
}
