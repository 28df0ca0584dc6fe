import type { Problem } from "../../problems/problem.ts";

/** PD011: an instance that does not say in one way where it is, and several hosts in the way that most try first. */
export function severalHostsProblems(input: unknown): Problem[] {
  return ["prefill", "decode"].flatMap((role) => {
    const instances: unknown = Object(input)[role];
    if (!Array.isArray(instances)) return [];
    return instances.flatMap((instance, index) => {
      const { host, hosts, devices } = Object(instance);
      const problem = (key: string, message: string, fix: string): Problem[] => [
        { code: "PD011", severity: "error", path: `${role}[${index}].${key}`, message, fix },
      ];
      if (Array.isArray(host)) {
        const each = host.map((name) => `{ host: ${name}, devices: […] }`).join(", ");
        return problem("host", `${host.join(" and ")} in place of one host`, `say hosts: [${each}]`);
      }
      if (hosts === undefined || (host === undefined && devices === undefined)) return [];
      return problem(
        host === undefined ? "devices" : "host",
        "`hosts` says the same",
        "remove `host` and `devices`, or `hosts`",
      );
    });
  });
}
