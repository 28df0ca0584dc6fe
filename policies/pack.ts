import { PolicyPack, type ReportViolation } from "@pulumi/policy";
import type { ResourcePolicy, StackPolicy } from "./policy.ts";
import { policies } from "./rules/index.ts";

new PolicyPack("ascend-pd", { enforcementLevel: "mandatory", policies: policies.map(withFix) });

/** The engine shows of a policy its description and what it reports, so the way out is reported as well. */
function withFix(policy: ResourcePolicy | StackPolicy): ResourcePolicy | StackPolicy {
  const reporter =
    (report: ReportViolation): ReportViolation =>
    (message, urn) =>
      report(`${message}\nfix: ${policy.remediationSteps}`, urn);
  return "validateStack" in policy
    ? { ...policy, validateStack: (args, report) => policy.validateStack(args, reporter(report)) }
    : { ...policy, validateResource: (args, report) => policy.validateResource(args, reporter(report)) };
}
