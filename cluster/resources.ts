import { FixableError } from "../problems/fixable-error.ts";
import type { Access } from "./access.ts";
import { type ApiObject, titleOf } from "./objects.ts";
import { refusal } from "./refusals.ts";
import { call } from "./request.ts";

interface Resource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

const groups = new Map<string, Promise<readonly Resource[] | undefined>>();

/** Where the API has the object. Throws where the cluster knows nothing of its kind. */
export async function pathOf(access: Access, object: ApiObject): Promise<string> {
  const { apiVersion, kind, metadata } = object;
  const group = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const key = access.server + group;
  const asked = groups.get(key) ?? resourcesOf(access, group);
  groups.set(key, asked);
  const found = (await asked)?.find((one) => one.kind === kind && !one.name.includes("/"));
  if (found === undefined) {
    throw new FixableError(
      `the cluster (context ${access.name}) knows no ${kind} of ${apiVersion}, so there can be no ${titleOf(object)}`,
      "install what brings that kind (its CustomResourceDefinition), or choose another `target.form`",
    );
  }
  const namespace = found.namespaced ? `/namespaces/${metadata.namespace ?? access.namespace}` : "";
  return `${group}${namespace}/${found.name}/${metadata.name}`;
}

async function resourcesOf(access: Access, group: string): Promise<readonly Resource[] | undefined> {
  const answer = await call(access, group);
  if (answer.status === 404) return undefined;
  if (answer.status !== 200) throw refusal(access, `asking what ${group} has`, answer);
  return JSON.parse(answer.text).resources;
}
