import { createHash } from "node:crypto";
import { basename, dirname } from "node:path/posix";
import type { ContainerPlan, FilePlan } from "../planning/plan.ts";
import { type ClusterPlan, instanceLabels, metadata } from "./names.ts";
import type { KubernetesObject, Labels } from "./object.ts";

/** The files of a Plan's containers, as ConfigMaps and as what mounts them. */
export interface ConfigFiles {
  /** One of what several containers have, which is the global rank table, and one for each container's own. */
  readonly objects: readonly KubernetesObject[];
  /** Undefined for a container without files. */
  readonly volumeOf: (container: ContainerPlan) => FilesVolume | undefined;
}

export interface FilesVolume {
  /** Where in the container. */
  readonly folder: string;
  readonly projected: object;
}

export function configFiles(plan: ClusterPlan): ConfigFiles {
  const { global } = plan.rankTables;
  const isShared = plan.containers.filter(({ files }) => files.includes(global)).length > 1;
  const sharedName = `${plan.stack}.rank-tables`;
  const ownFiles = ({ files }: ContainerPlan) => files.filter((file) => !isShared || file !== global);
  const own = plan.containers
    .filter((container) => ownFiles(container).length > 0)
    .map((one) => configMap(plan, one.name, ownFiles(one), instanceLabels(plan.stack, one)));
  return {
    objects: [...(isShared ? [configMap(plan, sharedName, [global])] : []), ...own],
    volumeOf: (container) => {
      const [folder, ...others] = new Set(container.files.map(({ path }) => dirname(path)));
      if (folder === undefined) return undefined;
      if (others.length > 0) throw new Error(`files of ${container.name} lie in several folders`);
      const own = ownFiles(container);
      const shared = container.files.filter((file) => !own.includes(file));
      const sources = [...projection(sharedName, shared), ...projection(container.name, own)];
      return { folder, projected: { defaultMode: 0o644, sources } };
    },
  };
}

function projection(name: string, files: readonly FilePlan[]): object[] {
  if (files.length === 0) return [];
  const items = files.map(({ path }) => ({ key: basename(path), path: basename(path) }));
  return [{ configMap: { name, items } }];
}

/** Changes with any of the files: a pod that has read them is made anew with it. */
export const hashOf = (files: readonly FilePlan[]): string =>
  createHash("sha256").update(JSON.stringify(files)).digest("hex").slice(0, 16);

const configMap = (
  plan: ClusterPlan,
  name: string,
  files: readonly FilePlan[],
  labels?: Labels,
): KubernetesObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: metadata(plan, name, labels),
  data: Object.fromEntries(files.map(({ path, content }) => [basename(path), content])),
});
