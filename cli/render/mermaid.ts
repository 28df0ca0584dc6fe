import { isHead } from "../../planning/layout.ts";
import type { ContainerPlan, Plan, Role } from "../../planning/plan.ts";
import { shortName } from "../../planning/short-name.ts";
import { hostsFromTheTop, npusText } from "./pictured.ts";

/** The topology as a Mermaid flowchart. KV cache has a node, because edges from each to each would be too many. */
export function mermaid(plan: Plan): string {
  const id = (name: string) => `c${plan.containers.findIndex((container) => container.name === name)}`;
  const edges = (
    role: Role,
    draw: (id: string) => string,
    isDrawn: (one: ContainerPlan) => boolean = isHead,
  ) =>
    plan.containers
      .filter((container) => container.role === role && isDrawn(container))
      .map(({ name }) => `  ${draw(id(name))}`);
  const hosts = hostsFromTheTop(plan).flatMap(({ host, containers }, index) => [
    `  subgraph h${index}["${text(`${host.name} ${host.address}`)}"]`,
    ...containers.map((container) => {
      const lines = [shortName(container.name, plan.stack), npusText(container), `:${container.port}`];
      const label = lines.filter((line) => line !== "").map(text);
      return `    ${id(container.name)}["${label.join("<br/>")}"]:::${container.role}`;
    }),
    "  end",
  ]);
  const scheduler = edges("scheduler", (id) => id)
    .join("")
    .trim();
  const lines = [
    "---",
    `title: ${JSON.stringify(plan.stack)}`,
    "---",
    "flowchart TB",
    '  clients(["clients"])',
    ...hosts,
    '  kv{{"KV cache"}}:::kv',
    `  clients <--> ${scheduler}`,
    ...edges("prefill", (id) => `${scheduler} -->|"①"| ${id}`),
    ...edges("decode", (id) => `${scheduler} -->|"②"| ${id}`),
    ...edges(
      "prefill",
      (id) => `${id} ==> kv`,
      () => true,
    ),
    ...edges(
      "decode",
      (id) => `kv ==> ${id}`,
      () => true,
    ),
    ...Object.entries(colours).map(
      ([name, [fill, stroke]]) => `  classDef ${name} fill:${fill},stroke:${stroke},color:#1f2328`,
    ),
  ];
  return `${lines.join("\n")}\n`;
}

/** Fill and stroke. The text is dark whatever the page's theme is, because the fill is light. */
const colours = {
  scheduler: ["#fbefff", "#8250df"],
  prefill: ["#ddf4ff", "#0969da"],
  decode: ["#fff1e5", "#bc4c00"],
  kv: ["#dafbe1", "#1a7f37"],
} as const;

/** Text for a label: what could mean something to Mermaid is named by its number. */
function text(label: string): string {
  return label.replaceAll(/[^\p{L}\p{N} .,:_-]/gu, (char) => `#${char.codePointAt(0)};`);
}
