import { error, type Problem } from "../../../problems/problem.ts";
import { count } from "../../../problems/text.ts";

/** The ports in a NODE_PORTS for `instances` prefill and decode instances, or what is wrong with it. */
export function parseNodePorts(
  text: string,
  instances: number,
): { readonly ports: readonly number[] } | { readonly problem: Problem } {
  const items = text.split(",");
  const numbers = text.match(/\d+/g) ?? [];
  const likely = numbers.length > 0 ? numbers.join(",") : "8088,8089";
  if (!/^\d+(,\d+)*$/.test(text)) {
    return wrong(`"${text}" is not a list of ports`, `write them with commas and nothing else: ${likely}`);
  }
  const outOfRange = items.find((item) => Number(item) < 1 || Number(item) > 65535);
  if (outOfRange !== undefined) return wrong(`${outOfRange} is no port`, "use 1024 to 65535");
  if (items.length !== instances) {
    const message = `${count(items.length, "port")} for ${count(instances, "instance")} of the global table`;
    return wrong(
      message,
      "give the --port of every prefill, then of every decode instance, in the table's order",
    );
  }
  return { ports: items.map(Number) };
}

function wrong(message: string, fix: string): { problem: Problem } {
  return { problem: error("PD217", "NODE_PORTS", message, fix) };
}
