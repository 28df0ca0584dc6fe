import { FixableError } from "../problems/fixable-error.ts";
import type { Access } from "./access.ts";
import type { Answer } from "./request.ts";

/** What the API server answers in place of an object. */
interface Status {
  readonly message?: string;
  readonly reason?: string;
  readonly details?: { readonly causes?: readonly Cause[] };
}

interface Cause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

/** The API server's refusal in plain words. `what` is what was asked for: `applying StatefulSet 1p1d-decode-0`. */
export function refusal(access: Access, what: string, { status, text }: Answer): FixableError {
  const said = statusOf(text);
  const message = said.message ?? text.slice(0, 500);
  const told = (why: string, fix: string) =>
    new FixableError(`${what} was refused (HTTP ${status}, context ${access.name}): ${why}`, fix);
  if (status === 401) {
    return told(
      "the API server does not know who asks",
      "log in again, or renew the token in the kubeconfig",
    );
  }
  if (status === 403 && message.includes("exceeded quota")) {
    return told(
      message,
      "have the namespace's ResourceQuota raised, or take instances out of the stack file",
    );
  }
  if (status === 403) {
    return told(
      message,
      "have the operators of the cluster grant that by a Role and RoleBinding, or choose a context that may do it",
    );
  }
  if (status === 409 && said.reason === "Conflict") {
    const causes = (said.details?.causes ?? []).map(({ message = "", field = "" }) => `${field}: ${message}`);
    return told(
      ["somebody else manages fields of it", ...causes].join("\n  "),
      "stop whatever else sets these fields (an autoscaler, an operator, kubectl), or take the object over by hand: " +
        "`kubectl apply --server-side --force-conflicts --field-manager=ascend-pd`",
    );
  }
  if (status === 404 && message.includes("namespaces")) {
    return told(message, "make the namespace: `kubectl create namespace NAME`; `target.namespace` names it");
  }
  if (status === 422 && message.includes("updates to statefulset spec")) {
    return told(message, "destroy that instance first: what is named there cannot change while it exists");
  }
  return told(message, "mend what it names; `kubectl explain` tells what a field may hold");
}

function statusOf(text: string): Status {
  try {
    const parsed = JSON.parse(text);
    return parsed?.kind === "Status" ? parsed : {};
  } catch {
    return {};
  }
}
