import fc from "fast-check";
import { expect, test } from "vitest";
import { plan } from "../../../planning/make-plan.ts";
import type { Plan } from "../../../planning/plan.ts";
import { firstDifference } from "../../../problems/difference.ts";
import { globalTable } from "../../../rank-tables/format.ts";
import { RankTableError } from "../../../rank-tables/reader.ts";
import { deployments, generated, type SampleDeployment } from "../../testing/sample-deployments.ts";
import { checkTables } from "./check.ts";
import type { TableFile } from "./files.ts";
import { mergeProblems } from "./merge.ts";
import { mergeGroups, readServer, readServerGroups } from "./servers.ts";

function planned(deployment: SampleDeployment): Plan {
  const result = plan("s", deployment.input);
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  return result.plan;
}

/** The global table of each host, as it was written there. */
const hostTables = ({ hosts }: SampleDeployment) =>
  hosts.map((host) => {
    const { path, content } = generated(host).at(-1) ?? { path: "", content: "" };
    return { where: path, groups: readServerGroups(content, path) };
  });

const merged = (deployment: SampleDeployment) =>
  mergeGroups(hostTables(deployment).map(({ groups }) => groups));

test("Generated on each host and merged, the tables are to the byte those that the planner writes.", () => {
  fc.assert(
    fc.property(deployments, (deployment) => {
      const { rankTables, containers } = planned(deployment);

      const locals = deployment.hosts.flatMap((host) => generated(host).slice(0, -1));

      expect(globalTable(merged(deployment))).toBe(rankTables.global.content);
      expect(new Set(locals.map(({ content }) => content))).toEqual(
        new Set(rankTables.local.map(({ content }) => content)),
      );
      expect(locals).toHaveLength(containers.length);
    }),
    { numRuns: 300 },
  );
});

test("Merging is possible, and in steps gives what it gives at once.", () => {
  fc.assert(
    fc.property(deployments, fc.nat(3), (deployment, cut) => {
      const files = hostTables(deployment);
      const tables = files.map(({ groups }) => groups);

      const inSteps = mergeGroups([mergeGroups(tables.slice(0, cut)), mergeGroups(tables.slice(cut))]);

      expect(inSteps).toEqual(mergeGroups(tables));
      expect(mergeProblems(files).filter(({ severity }) => severity === "error")).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

interface Text {
  readonly where: string;
  readonly text: string;
}

/** The merged table and every local one: what a person finds who inherits the deployment. */
const inherited = (deployment: SampleDeployment): Text[] => [
  { where: "global_ranktable_merge.json", text: globalTable(merged(deployment)) },
  ...deployment.hosts.flatMap((host) =>
    generated(host)
      .slice(0, -1)
      .map(({ path, content }) => ({ where: path, text: content })),
  ),
];

function errorsIn(texts: readonly Text[], nodePorts?: string): string[] {
  try {
    const files = texts.map(({ where, text }): TableFile => {
      if (where.startsWith("global")) return { where, groups: readServerGroups(text, where) };
      return { where, server: readServer(text, where) };
    });
    const { problems } = checkTables(files, nodePorts);
    return problems.filter(([, { severity }]) => severity === "error").map(([, { code }]) => code);
  } catch (error) {
    if (error instanceof RankTableError) return error.problems.map(({ code }) => code);
    throw error;
  }
}

test("What was generated and merged is found to fit together, with the planner's NODE_PORTS.", () => {
  fc.assert(
    fc.property(deployments, (deployment) => {
      const env = planned(deployment).containers[0]?.env;

      const hosts = hostTables(deployment).map(({ where, groups }) => ({ where, text: globalTable(groups) }));

      expect(errorsIn([...inherited(deployment), ...hosts], env?.NODE_PORTS)).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

/** Every place in `value` that holds or is in something. */
function placesIn(value: unknown, keys: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [
    [...keys, key],
    ...placesIn(inner, [...keys, key]),
  ]);
}

type Mutation = (parent: object, key: string, other: unknown) => void;

const mutations: Record<string, Mutation> = {
  replace: (parent, key, other) => void Reflect.set(parent, key, other),
  remove: (parent, key) => {
    if (Array.isArray(parent)) parent.splice(Number(key), 1);
    else Reflect.deleteProperty(parent, key);
  },
  repeat: (parent, key) => {
    if (Array.isArray(parent)) parent.splice(Number(key), 0, structuredClone(parent[Number(key)]));
  },
  number: (parent, key) => void Reflect.set(parent, key, Number(Reflect.get(parent, key))),
  neighbour: (parent, key) => {
    const value = Reflect.get(parent, key);
    if (typeof value === "string") {
      Reflect.set(
        parent,
        key,
        value.replace(/\d+$/, (digits) => String(Number(digits) + 1)),
      );
    }
  },
};

test("Any single change to any table is found.", () => {
  const other = fc.oneof(fc.string(), fc.constantFrom("0", "1", "10.0.0.1", "29.0.1.1"), fc.jsonValue());
  fc.assert(
    fc.property(
      deployments,
      fc.nat(),
      fc.nat(),
      fc.constantFrom(...Object.keys(mutations)),
      other,
      (deployment, fileAt, placeAt, mutation, value) => {
        const texts = inherited(deployment);
        const { where = "", text = "" } = texts[fileAt % texts.length] ?? {};
        const table = JSON.parse(text);
        const places = placesIn(table);
        const keys = places[placeAt % places.length] ?? [];
        const parent = keys.slice(0, -1).reduce<object>((tree, key) => Reflect.get(tree, key), table);
        mutations[mutation]?.(parent, keys.at(-1) ?? "", value);
        fc.pre(firstDifference(JSON.parse(text), table) !== undefined);

        const changed = texts.map((file) =>
          file.where === where ? { where, text: JSON.stringify(table) } : file,
        );

        expect(errorsIn(changed), `${mutation} ${keys.join(".")} of ${where}`).not.toEqual([]);
      },
    ),
    { numRuns: 1500 },
  );
});
