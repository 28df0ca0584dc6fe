import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { type Access, findAccess } from "../../cluster/access.ts";
import { apply } from "../../cluster/apply.ts";
import { tryObjects } from "../../cluster/trial.ts";
import { kubernetesObjects } from "../../kubernetes/objects.ts";
import { planOf } from "../testing/stacks.ts";
import { type Cluster, noCluster, startCluster } from "./testing/cluster.ts";

const obstacle = await noCluster();
const stacks = readdirSync("stacks").flatMap((file) => {
  const name = /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1] ?? "";
  const deployment = parse(readFileSync(`stacks/${file}`, "utf8")).config["ascend-pd:deployment"];
  return deployment.target === undefined ? [] : [{ name, deployment }];
});

describe.skipIf(obstacle !== undefined)("a real API server", () => {
  let cluster: Cluster;
  let access: Access;

  beforeAll(async () => {
    cluster = await startCluster();
    access = await findAccess("admin", { KUBECONFIG: cluster.kubeconfig });
  });

  afterAll(() => cluster?.dispose());

  test.each(stacks)(
    "takes every object of $name, and knows each of its fields.",
    async ({ name, deployment }) => {
      const { kubernetes, ...plan } = planOf(name, deployment);
      if (kubernetes === undefined) throw new Error(`${name} has no target`);
      const metadata = { name: kubernetes.namespace };
      await apply(access, { apiVersion: "v1", kind: "Namespace", metadata });
      const objects = kubernetesObjects({ ...plan, kubernetes });

      const { changes, refusals } = await tryObjects(access, objects);

      expect(refusals).toEqual([]);
      expect(changes).toEqual(objects.map(({ kind, metadata }) => `${kind} ${metadata.name} is new`));
    },
  );
});
