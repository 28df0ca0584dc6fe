import { PolicyPack, type ReportViolation } from "@pulumi/policy";
import type { ResourcePolicy, StackPolicy } from "./policy.ts";
import { policies } from "./rules/index.ts";

new PolicyPack("ascend-pd", { enforcementLevel: "mandatory", policies: policies.map(forEngine) });

/** The engine shows of a policy its description and what it reports, so the way out is reported as well. */
function forEngine({ lists = {}, ...policy }: ResourcePolicy | StackPolicy) {
  const reporter =
    (report: ReportViolation): ReportViolation =>
    (message, urn) =>
      report(`${message}\nfix: ${policy.remediationSteps}`, urn);
  const properties = Object.fromEntries(Object.entries(lists).map(([name, what]) => [name, textsOf(what)]));
  const configured = { ...policy, configSchema: { properties } };
  return "validateStack" in configured
    ? { ...configured, validateStack: wrapped(configured.validateStack, reporter) }
    : { ...configured, validateResource: wrapped(configured.validateResource, reporter) };
}

function textsOf(description: string) {
  return { type: "array" as const, description, items: { type: "string" as const } };
}

function wrapped<Args>(
  validate: (args: Args, report: ReportViolation) => Promise<void> | void,
  reporter: (report: ReportViolation) => ReportViolation,
) {
  return (args: Args, report: ReportViolation) => validate(args, reporter(report));
}
